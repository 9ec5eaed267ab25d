# What we write to people, in simplified Chinese.

verification =
    欢迎使用 CaskChain。请打开以下链接，验证您的电子邮件地址：

    { $link }

    此链接仅能使用一次，有效期至 { $until }。
    .subject = 验证您的电子邮件地址

already-registered =
    有人（可能是您本人）尝试用这个电子邮件地址注册 CaskChain。您已经有账号，请直接登录。如果不是您本人，则无需进行任何操作。
    .subject = 您已经有账号

password-reset =
    有人（可能是您本人）想为您的 CaskChain 账号设置新密码。如果是您本人，请用以下令牌设置新密码：

    { $token }

    此令牌仅能使用一次，有效期至 { $until }。如果不是您本人，则无需进行任何操作。
    .subject = 设置新密码

account-locked =
    您的 CaskChain 账号因密码输入错误次数过多，或被管理员锁定，目前无法登录。账号将于 { $until } 自动解锁；您也可以通过电子邮件申请设置新密码，立即解锁。
    .subject = 您的账号已暂时锁定

sign-in-code =
    有人（可能是您本人）正在登录您的 CaskChain 账号。如果是您本人，请输入以下验证码：

    { $code }

    此验证码仅能使用一次，有效期至 { $until }。请勿将验证码告诉任何人，我们绝不会向您索取。如果不是您本人，请修改您的密码。
    .subject = 您的登录验证码

new-device =
    有人使用新的设备登录了您的 CaskChain 账号：

    设备：{ $device }
    IP 地址：{ $address }
    时间：{ $at }

    如果是您本人，则无需进行任何操作。如果不是您本人，请修改您的密码，并将该设备退出登录。
    .subject = 新设备登录通知

token-reused =
    我们于 { $at } 检测到，您在 CaskChain 的一个会话的密钥在更换后又被使用。该密钥可能已被他人复制，因此我们已结束该会话。如果不是您本人操作，请修改您的密码。
    .subject = 我们已结束您的一个会话

password-expires =
    您的 CaskChain 密码将于 { $until } 过期，届时将无法再用该密码登录。请在过期前修改密码。
    .subject = 您的密码即将过期

password-changed =
    您的 CaskChain 密码已于 { $at } 修改。如果是您本人操作，则无需进行任何操作。如果不是您本人，请立即通过电子邮件申请设置新密码。
    .subject = 您的密码已修改

cask-approved =
    您的酒桶 { $cask } 已在 CaskChain 通过审核。
    .subject = 您的酒桶已通过审核

cask-rejected =
    您的酒桶 { $cask } 未通过 CaskChain 的审核：{ $reason }

    您可以更正资料并重新申请审核。
    .subject = 您的酒桶未通过审核

cask-offered =
    有人在 CaskChain 将酒桶 { $cask } 转让给您。

    您接受后即成为所有人；如果您不想要，则无需进行任何操作。
    .subject = 有酒桶转让给您

cask-handed-over =
    您在 CaskChain 转让的酒桶 { $cask } 已被接受，该酒桶不再属于您。
    .subject = 您的转让已被接受

cask-tokenised =
    您的酒桶 { $cask } 已在 { $network } 上发行代币。
    .subject = 您的酒桶已发行代币

cask-not-tokenised =
    您的酒桶 { $cask } 未能在 { $network } 上发行代币。酒桶仍为已审核状态，您可以重新申请代币。
    .subject = 您的酒桶未能发行代币

cask-retired =
    您的酒桶 { $cask } 已从 CaskChain 登记册中移除。
    .subject = 您的酒桶已退役

cask-recorded =
    您的酒桶 { $cask } 在 CaskChain 有新的记录。

    详情请见其历史记录。
    .subject = 您的酒桶有新记录
