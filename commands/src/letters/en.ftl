# What we write to people, in English.

verification =
    Welcome to CaskChain. Open this link to verify your address:

    { $link }

    It works once, until { $until }.
    .subject = Verify your e-mail address

already-registered =
    Somebody, perhaps you, tried to register at CaskChain with this address. You already have an account; sign in with it. If it was not you, there is nothing you need to do.
    .subject = You already have an account

password-reset =
    Somebody, perhaps you, wants to set a new password for your account at CaskChain. If it was you, this token lets you:

    { $token }

    It works once, until { $until }. If it was not you, there is nothing you need to do.
    .subject = A new password

account-locked =
    There were too many wrong passwords, or an administrator locked your account at CaskChain. It opens again by itself at { $until }, or at once with a new password that you ask for by mail.
    .subject = Your account is locked for a while

sign-in-code =
    Somebody, perhaps you, is signing in to your account at CaskChain. If it is you, enter this code:

    { $code }

    It works once, until { $until }. Give it to nobody: we never ask you for it. If it is not you, change your password.
    .subject = Your sign-in code

new-device =
    Somebody signed in to your account at CaskChain from a device that is new to us:

    Device: { $device }
    IP address: { $address }
    Time: { $at }

    If it was you, there is nothing you need to do. If it was not you, change your password and sign that device out.
    .subject = A sign-in from a new device

token-reused =
    At { $at }, a key of one of your sessions at CaskChain was shown again after it had been replaced. Somebody may have a copy of it, so the session was ended. If you did not do this, change your password.
    .subject = We ended one of your sessions

password-expires =
    Your password at CaskChain expires at { $until }. After that you cannot sign in with it. Change it before then.
    .subject = Your password expires soon

password-changed =
    Your password at CaskChain was changed at { $at }. If it was you, there is nothing you need to do. If it was not you, ask for a new password by mail at once.
    .subject = Your password was changed

cask-approved =
    Your cask { $cask } was approved at CaskChain.
    .subject = Your cask was approved

cask-rejected =
    Your cask { $cask } was rejected at CaskChain: { $reason }

    You can correct it and ask for another judgement.
    .subject = Your cask was rejected

cask-offered =
    The cask { $cask } is offered to you at CaskChain.

    It becomes yours when you accept it; there is nothing you need to do if you do not want it.
    .subject = A cask is offered to you

cask-handed-over =
    Your offer of the cask { $cask } was accepted at CaskChain; it is not yours any more.
    .subject = Your offer was accepted

cask-tokenised =
    Your cask { $cask } has its token on { $network }.
    .subject = Your cask has its token

cask-not-tokenised =
    The token of your cask { $cask } could not be made on { $network }. The cask is approved as before, and you can ask for its token again.
    .subject = Your cask got no token

cask-retired =
    Your cask { $cask } was taken out of the register at CaskChain.
    .subject = Your cask was retired

cask-recorded =
    Something new was recorded of your cask { $cask } at CaskChain.

    Its history says what.
    .subject = News of your cask
