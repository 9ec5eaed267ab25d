# What we write to people, in traditional Chinese.

verification =
    歡迎使用 CaskChain。請開啟以下連結，驗證您的電子郵件地址：

    { $link }

    此連結僅能使用一次，有效期限至 { $until }。
    .subject = 驗證您的電子郵件地址

already-registered =
    有人（可能是您本人）嘗試用這個電子郵件地址註冊 CaskChain。您已經有帳號，請直接登入。如果不是您本人，則無需進行任何操作。
    .subject = 您已經有帳號

password-reset =
    有人（可能是您本人）想為您的 CaskChain 帳號設定新密碼。如果是您本人，請用以下權杖設定新密碼：

    { $token }

    此權杖僅能使用一次，有效期限至 { $until }。如果不是您本人，則無需進行任何操作。
    .subject = 設定新密碼

account-locked =
    您的 CaskChain 帳號因密碼輸入錯誤次數過多，或經管理員鎖定，目前無法登入。帳號將於 { $until } 自動解鎖；您也可以透過電子郵件申請設定新密碼，立即解鎖。
    .subject = 您的帳號已暫時鎖定

sign-in-code =
    有人（可能是您本人）正在登入您的 CaskChain 帳號。如果是您本人，請輸入以下驗證碼：

    { $code }

    此驗證碼僅能使用一次，有效期限至 { $until }。請勿將驗證碼告訴任何人，我們絕不會向您索取。如果不是您本人，請變更您的密碼。
    .subject = 您的登入驗證碼

new-device =
    有人使用新的裝置登入了您的 CaskChain 帳號：

    裝置：{ $device }
    IP 位址：{ $address }
    時間：{ $at }

    如果是您本人，則無需進行任何操作。如果不是您本人，請變更您的密碼，並將該裝置登出。
    .subject = 新裝置登入通知

token-reused =
    我們於 { $at } 偵測到，您在 CaskChain 的一個工作階段的金鑰在更換後又被使用。該金鑰可能已遭他人複製，因此我們已結束該工作階段。如果不是您本人所為，請變更您的密碼。
    .subject = 我們已結束您的一個工作階段

password-expires =
    您的 CaskChain 密碼將於 { $until } 到期，屆時將無法再用該密碼登入。請在到期前變更密碼。
    .subject = 您的密碼即將到期

password-changed =
    您的 CaskChain 密碼已於 { $at } 變更。如果是您本人所為，則無需進行任何操作。如果不是您本人，請立即透過電子郵件申請設定新密碼。
    .subject = 您的密碼已變更

cask-approved =
    您的酒桶 { $cask } 已在 CaskChain 通過審核。
    .subject = 您的酒桶已通過審核

cask-rejected =
    您的酒桶 { $cask } 未通過 CaskChain 的審核：{ $reason }

    您可以更正資料並重新申請審核。
    .subject = 您的酒桶未通過審核

cask-offered =
    有人在 CaskChain 將酒桶 { $cask } 提供轉讓給您。

    您接受後即成為擁有人；如果您不想要，則無需進行任何操作。
    .subject = 有酒桶轉讓給您

cask-handed-over =
    您在 CaskChain 轉讓的酒桶 { $cask } 已被接受，該酒桶不再屬於您。
    .subject = 您的轉讓已被接受

cask-tokenised =
    您的酒桶 { $cask } 已在 { $network } 上發行代幣。
    .subject = 您的酒桶已發行代幣

cask-not-tokenised =
    您的酒桶 { $cask } 未能在 { $network } 上發行代幣。酒桶仍為已審核狀態，您可以重新申請代幣。
    .subject = 您的酒桶未能發行代幣

cask-retired =
    您的酒桶 { $cask } 已從 CaskChain 登記冊中移除。
    .subject = 您的酒桶已除役

cask-recorded =
    您的酒桶 { $cask } 在 CaskChain 有新的紀錄。

    詳情請見其歷史紀錄。
    .subject = 您的酒桶有新紀錄
