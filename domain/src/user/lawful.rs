//! Which commands may have brought a person's events about. What is personal is not compared.

use super::email::Email;
use super::names::{FullName, Phone, Username};
use super::{
    AnnounceExpiry, AssignRole, ChangePassword, ChangeProfile, ChangeStatus, EraseUser, RecordLock,
    RecordRegistrationAttempt, RecordUnlock, RegisterUser, RehashPassword, RequestPasswordReset,
    RequestVerification, ResetPassword, User, UserEvent, VerifyEmail, WithdrawName,
};
use crate::command::Decision;
use crate::id::UserId;
use crate::moment::Moment;
use crate::replay::Lawful;

use super::register::EMAIL_CHALLENGE_LIFE;
use super::reset_password::PASSWORD_CHALLENGE_LIFE;

const LONG_AGO: Moment = Moment::from_unix_ms(0);

impl Lawful for User {
    fn causes(&self, event: &UserEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        // Stands for whatever is sealed.
        let (somebody, hash) = (UserId::new(0), String::new);
        let username = |there: bool| there.then(|| Username::parse("Somebody").ok()).flatten();
        let full_name = |there: bool| there.then(|| FullName::parse("Somebody").ok()).flatten();
        let phone = |there: bool| there.then(|| Phone::parse("+441479812345").ok()).flatten();
        let account = self.account().ok();
        vec![match event {
            UserEvent::UserRegistered {
                username: name,
                full_name: whole,
                phone: number,
                language,
                at,
                challenge,
                ..
            } => {
                // Of what was registered before that was noted, the time is not known.
                let (Ok(email), Some(now)) = (Email::parse("a@example.com"), *at) else {
                    return vec![];
                };
                Decision::of(RegisterUser {
                    user: somebody,
                    email,
                    username: username(name.is_some()),
                    full_name: full_name(whole.is_some()),
                    phone: phone(number.is_some()),
                    language: *language,
                    password_hash: hash(),
                    challenge: challenge.id,
                    now,
                })
            }
            UserEvent::EmailVerified {} => {
                let Some(account) = account else {
                    return vec![Decision::of(EraseUser)];
                };
                let by_link = VerifyEmail { challenge: account.verification.id, now: LONG_AGO };
                let mut causes = vec![Decision::of(by_link)];
                causes.extend(account.reset.map(|asked| {
                    let (user, password_hash, now) = (somebody, hash(), LONG_AGO);
                    Decision::of(ResetPassword { user, challenge: asked.id, password_hash, now })
                }));
                return causes;
            }
            UserEvent::RegistrationAttempted { .. } => Decision::of(RecordRegistrationAttempt),
            UserEvent::RoleAssigned { role } => Decision::of(AssignRole { role: *role }),
            UserEvent::EmailVerificationRequested { challenge, .. } => {
                let now = challenge.expires_at.minus(EMAIL_CHALLENGE_LIFE);
                Decision::of(RequestVerification { challenge: challenge.id, now })
            }
            UserEvent::PasswordResetRequested { challenge, .. } => {
                let now = challenge.expires_at.minus(PASSWORD_CHALLENGE_LIFE);
                Decision::of(RequestPasswordReset { challenge: challenge.id, now })
            }
            UserEvent::PasswordReset { at, .. } => {
                let (Some(now), Some(asked)) = (*at, account.and_then(|it| it.reset)) else {
                    return vec![];
                };
                let (user, password_hash) = (somebody, hash());
                Decision::of(ResetPassword { user, challenge: asked.id, password_hash, now })
            }
            UserEvent::PasswordChanged { at, .. } => {
                let Some(now) = *at else { return vec![] };
                Decision::of(ChangePassword { user: somebody, password_hash: hash(), now })
            }
            UserEvent::PasswordExpiryAnnounced { until } => {
                // As long a life as lets it end then.
                let set_at = account.and_then(|account| account.password_set_at);
                let Some(set_at) = set_at else { return vec![] };
                let life = u64::try_from(until.unix_ms() - set_at.unix_ms()).unwrap_or_default();
                let life = Some(std::time::Duration::from_millis(life));
                let now = until.minus(std::time::Duration::from_millis(1));
                Decision::of(AnnounceExpiry { life, now })
            }
            UserEvent::ProfileChanged {
                username: name,
                full_name: whole,
                phone: number,
                language,
            } => Decision::of(ChangeProfile {
                user: somebody,
                username: username(name.is_some()),
                full_name: full_name(whole.is_some()),
                phone: phone(number.is_some()),
                language: *language,
            }),
            UserEvent::NameWithdrawn { name } => Decision::of(WithdrawName { name: *name }),
            UserEvent::PasswordRehashed { .. } => {
                Decision::of(RehashPassword { user: somebody, password_hash: hash() })
            }
            UserEvent::UserStatusChanged { status } => {
                Decision::of(ChangeStatus { status: *status })
            }
            UserEvent::AccountLocked { until, .. } => Decision::of(RecordLock { until: *until }),
            UserEvent::AccountUnlocked {} => Decision::of(RecordUnlock),
            UserEvent::UserErased {} => Decision::of(EraseUser),
        }]
    }
}
