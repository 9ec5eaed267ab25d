//! The error table: code, number, status, whether trying again may help, and a sentence in three
//! languages. It is a contract: entries are added, never changed.

use domain::language::Language;

macro_rules! error_codes {
    ($( $variant:ident = $number:literal $code:literal $status:literal $retryable:literal
        $en:literal $hant:literal $hans:literal; )*) => {
        /// A line of the error table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ErrorCode { $( $variant ),* }

        impl ErrorCode {
            pub const ALL: &'static [Self] = &[ $( Self::$variant ),* ];

            pub const fn code(self) -> &'static str { match self { $( Self::$variant => $code ),* } }
            pub const fn number(self) -> u16 { match self { $( Self::$variant => $number ),* } }
            pub const fn status(self) -> u16 { match self { $( Self::$variant => $status ),* } }
            pub const fn retryable(self) -> bool {
                match self { $( Self::$variant => $retryable ),* }
            }

            pub const fn message(self, language: Language) -> &'static str {
                match language {
                    Language::English => match self { $( Self::$variant => $en ),* },
                    Language::TraditionalChinese => match self { $( Self::$variant => $hant ),* },
                    Language::SimplifiedChinese => match self { $( Self::$variant => $hans ),* },
                }
            }
        }
    };
}

error_codes! {
    InvalidCredentials = 1001 "INVALID_CREDENTIALS" 401 false "The identifier or the password is wrong." "帳號或密碼錯誤。" "账号或密码错误。";
    AccountNotActivated = 1002 "ACCOUNT_NOT_ACTIVATED" 403 false "The account is not activated: verify the e-mail address first." "帳號尚未啟用，請先驗證電子郵件。" "账号尚未激活，请先验证电子邮件。";
    AccountLocked = 1003 "ACCOUNT_LOCKED" 423 true "The account is locked for a while." "帳號已暫時鎖定。" "账号已暂时锁定。";
    OtpInvalid = 1004 "OTP_INVALID" 401 false "The code is wrong." "驗證碼錯誤。" "验证码错误。";
    OtpAttemptsExceeded = 1005 "OTP_ATTEMPTS_EXCEEDED" 401 false "Too many wrong codes: sign in again." "驗證碼錯誤次數過多，請重新登入。" "验证码错误次数过多，请重新登录。";
    MfaRequired = 1006 "MFA_REQUIRED" 401 false "A second factor is needed." "需要第二重驗證。" "需要第二重验证。";
    MfaInvalid = 1007 "MFA_INVALID" 401 false "The second factor is wrong." "第二重驗證錯誤。" "第二重验证错误。";
    MfaSetupRequired = 1008 "MFA_SETUP_REQUIRED" 403 false "A second factor has to be set up first." "請先設定第二重驗證。" "请先设置第二重验证。";
    OauthError = 1009 "OAUTH_ERROR" 400 false "The sign-in provider refused." "登入服務提供者拒絕了請求。" "登录服务提供者拒绝了请求。";
    AccountSuspended = 1010 "ACCOUNT_SUSPENDED" 403 false "The account is suspended." "帳號已停權。" "账号已停用。";
    DeviceBlocked = 1011 "DEVICE_BLOCKED" 403 false "This device is blocked." "此裝置已被封鎖。" "此设备已被封锁。";
    PasswordExpired = 1012 "PASSWORD_EXPIRED" 403 false "The password has expired." "密碼已過期。" "密码已过期。";
    ReauthenticationRequired = 1013 "REAUTHENTICATION_REQUIRED" 401 false "Confirm who you are first." "請先重新確認身分。" "请先重新确认身份。";
    SsoError = 1014 "SSO_ERROR" 400 false "Single sign-on failed." "單一登入失敗。" "单点登录失败。";
    EmailAlreadyExists = 2001 "EMAIL_ALREADY_EXISTS" 409 false "The e-mail address is registered already." "此電子郵件已註冊。" "此电子邮件已注册。";
    InvalidEmailFormat = 2002 "INVALID_EMAIL_FORMAT" 400 false "That is not an e-mail address." "電子郵件格式不正確。" "电子邮件格式不正确。";
    WeakPassword = 2003 "WEAK_PASSWORD" 400 false "The password is too weak." "密碼強度不足。" "密码强度不足。";
    PasswordReuse = 2004 "PASSWORD_REUSE" 400 false "The password was used before." "此密碼曾經使用過。" "此密码曾经使用过。";
    UsernameTaken = 2005 "USERNAME_TAKEN" 409 false "The name is taken." "此名稱已被使用。" "此名称已被使用。";
    ValidationError = 2006 "VALIDATION_ERROR" 400 false "The request is not valid." "請求內容不正確。" "请求内容不正确。";
    TokenInvalid = 3001 "TOKEN_INVALID" 401 false "The token is not valid." "權杖無效。" "令牌无效。";
    TokenAlreadyUsed = 3002 "TOKEN_ALREADY_USED" 409 false "The token has been used." "權杖已使用過。" "令牌已使用过。";
    TokenExpired = 3003 "TOKEN_EXPIRED" 401 false "The token has expired." "權杖已過期。" "令牌已过期。";
    TokenRevoked = 3004 "TOKEN_REVOKED" 401 false "The token has been revoked." "權杖已撤銷。" "令牌已撤销。";
    SessionExpired = 3005 "SESSION_EXPIRED" 401 false "The session has ended." "工作階段已結束。" "会话已结束。";
    RefreshTokenExpired = 3006 "REFRESH_TOKEN_EXPIRED" 401 false "The refresh token has expired." "更新權杖已過期。" "刷新令牌已过期。";
    RefreshTokenRevoked = 3007 "REFRESH_TOKEN_REVOKED" 401 false "The refresh token has been revoked." "更新權杖已撤銷。" "刷新令牌已撤销。";
    Unauthorized = 4001 "UNAUTHORIZED" 401 false "Sign in first." "請先登入。" "请先登录。";
    PermissionDenied = 4002 "PERMISSION_DENIED" 403 false "You are not allowed to do this." "您沒有執行此操作的權限。" "您没有执行此操作的权限。";
    TenantMismatch = 4003 "TENANT_MISMATCH" 403 false "That belongs to another tenant." "此資源屬於其他租戶。" "此资源属于其他租户。";
    SignatureInvalid = 4004 "SIGNATURE_INVALID" 401 false "The signature is not valid." "簽章無效。" "签名无效。";
    RateLimitExceeded = 5001 "RATE_LIMIT_EXCEEDED" 429 true "Too many requests: come back later." "請求過於頻繁，請稍後再試。" "请求过于频繁，请稍后再试。";
    IpBlocked = 5002 "IP_BLOCKED" 403 false "This address is blocked for a while." "此位址已暫時封鎖。" "此地址已暂时封锁。";
    EmailServiceError = 6001 "EMAIL_SERVICE_ERROR" 503 true "Mail cannot be sent right now." "目前無法寄送郵件。" "目前无法发送邮件。";
    SmsServiceError = 6002 "SMS_SERVICE_ERROR" 503 true "Text messages cannot be sent right now." "目前無法傳送簡訊。" "目前无法发送短信。";
    ChainUnavailable = 6003 "CHAIN_UNAVAILABLE" 503 true "The chain cannot be reached right now." "目前無法連線至區塊鏈。" "目前无法连接区块链。";
    StorageUnavailable = 6004 "STORAGE_UNAVAILABLE" 503 true "The file store cannot be reached right now." "目前無法連線至檔案儲存。" "目前无法连接文件存储。";
    DatabaseUnavailable = 6005 "DATABASE_UNAVAILABLE" 503 true "The database cannot be reached right now." "目前無法連線至資料庫。" "目前无法连接数据库。";
    ServerBusy = 6006 "SERVER_BUSY" 503 true "Too much is going on right now: come back in a moment." "系統忙碌中，請稍候再試。" "系统繁忙，请稍候再试。";
    NotFound = 7001 "NOT_FOUND" 404 false "There is nothing here." "找不到此資源。" "找不到此资源。";
    UserNotFound = 7002 "USER_NOT_FOUND" 404 false "There is no such user." "找不到此使用者。" "找不到此用户。";
    WhiskeyNotFound = 7003 "WHISKEY_NOT_FOUND" 404 false "There is no such whiskey." "找不到此威士忌。" "找不到此威士忌。";
    NftNotFound = 7004 "NFT_NOT_FOUND" 404 false "There is no such NFT." "找不到此 NFT。" "找不到此 NFT。";
    FileNotFound = 7005 "FILE_NOT_FOUND" 404 false "There is no such file." "找不到此檔案。" "找不到此文件。";
    SessionNotFound = 7006 "SESSION_NOT_FOUND" 404 false "There is no such session." "找不到此工作階段。" "找不到此会话。";
    TenantNotFound = 7007 "TENANT_NOT_FOUND" 404 false "There is no such tenant." "找不到此租戶。" "找不到此租户。";
    RoleNotFound = 7008 "ROLE_NOT_FOUND" 404 false "There is no such role." "找不到此角色。" "找不到此角色。";
    Conflict = 7101 "CONFLICT" 409 true "Somebody else was faster: look again and try again." "資料已被他人更新，請重新讀取後再試。" "数据已被他人更新，请重新读取后再试。";
    IllegalState = 7102 "ILLEGAL_STATE" 409 false "That is not possible in the present state." "目前狀態不允許此操作。" "当前状态不允许此操作。";
    IdempotencyMismatch = 7103 "IDEMPOTENCY_MISMATCH" 409 false "This idempotency key was used for another request." "此冪等鍵已用於其他請求。" "此幂等键已用于其他请求。";
    PreconditionFailed = 7104 "PRECONDITION_FAILED" 412 false "It has changed since you read it." "資料在您讀取後已變更。" "数据在您读取后已变更。";
    ProjectionBehind = 7105 "PROJECTION_BEHIND" 503 true "What you wait for is not readable yet: try again." "資料尚未同步，請稍後再試。" "数据尚未同步，请稍后再试。";
    MethodNotAllowed = 7106 "METHOD_NOT_ALLOWED" 405 false "This method is not allowed here." "不允許使用此方法。" "不允许使用此方法。";
    NotAcceptable = 7107 "NOT_ACCEPTABLE" 406 false "The answer cannot be given in a form you accept." "無法以您接受的格式回應。" "无法以您接受的格式响应。";
    RangeNotSatisfiable = 7108 "RANGE_NOT_SATISFIABLE" 416 false "It has no such part." "內容沒有所要求的範圍。" "内容没有所请求的范围。";
    FileTooLarge = 8001 "FILE_TOO_LARGE" 413 false "That is too large." "內容過大。" "内容过大。";
    FileTypeRefused = 8002 "FILE_TYPE_REFUSED" 415 false "This type of content is not accepted here." "不接受此類型的內容。" "不接受此类型的内容。";
    ImageUnreadable = 8003 "IMAGE_UNREADABLE" 400 false "The image cannot be read." "無法讀取此圖片。" "无法读取此图片。";
    MintFailed = 8101 "MINT_FAILED" 502 false "The mint failed." "鑄造失敗。" "铸造失败。";
    OwnershipNotProven = 8102 "OWNERSHIP_NOT_PROVEN" 403 false "Ownership is not proven." "無法證明所有權。" "无法证明所有权。";
    InternalError = 9001 "INTERNAL_ERROR" 500 false "Something went wrong on our side." "系統發生錯誤。" "系统发生错误。";
}

impl ErrorCode {
    /// The line with this code.
    pub fn named(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_and_numbers_are_unique_and_say_something() {
        let codes: BTreeSet<_> = ErrorCode::ALL.iter().map(|c| c.code()).collect();
        let numbers: BTreeSet<_> = ErrorCode::ALL.iter().map(|c| c.number()).collect();
        assert_eq!((codes.len(), numbers.len()), (ErrorCode::ALL.len(), ErrorCode::ALL.len()));
        for code in ErrorCode::ALL {
            assert!((400..=503).contains(&code.status()));
            for language in
                [Language::English, Language::TraditionalChinese, Language::SimplifiedChinese]
            {
                assert!(!code.message(language).is_empty());
            }
        }
    }
}
