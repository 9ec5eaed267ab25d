//! Mails that events ask for. What is secret in them is derived here and stored nowhere.

use std::sync::Arc;

use async_nats::jetstream::Context;
use domain::devices::{Devices, DevicesEvent};
use domain::id::{ChallengeId, UserId};
use domain::moment::Moment;
use domain::permission::ActorType;
use domain::personal::Personal;
use domain::session::{Session, SessionEvent};
use domain::sign_in_codes::{SignInCodes as CodesAggregate, SignInCodesEvent};
use domain::user::{Challenge, User, UserEvent};
use eventstore::{Recorded, Store};
use tokio_util::sync::CancellationToken;

use super::subscription::{ReactionError, Subscription};
use crate::letters::{Letter, Written, written};
use crate::outside::challenges::{Answered, Challenges};
use crate::outside::mail::{Mail, MailError, Post};
use crate::outside::sign_in_codes::{SignInCodes, WaitingSignIn};

const SUBSCRIPTION: Subscription = Subscription {
    name: "mail",
    at_once: 1,
    subjects: &[
        "caskchain.events.*.user.*.registered",
        "caskchain.events.*.user.*.registration_attempted",
        "caskchain.events.*.user.*.email_verification_requested",
        "caskchain.events.*.user.*.password_reset_requested",
        "caskchain.events.*.user.*.password_reset",
        "caskchain.events.*.user.*.password_changed",
        "caskchain.events.*.user.*.password_expiry_announced",
        "caskchain.events.*.user.*.account_locked",
        "caskchain.events.*.session.*.refresh_token_reuse_detected",
        "caskchain.events.*.devices.*.device_added",
        "caskchain.events.*.sign_in_codes.*.asked",
        "caskchain.events.*.sign_in_codes.*.asked_again",
    ],
};

/// Writes mails.
#[derive(Clone)]
pub struct Mailer {
    pub store: Store,
    pub challenges: Arc<Challenges>,
    pub sign_in_codes: Arc<SignInCodes>,
    pub post: Arc<dyn Post>,
    /// Where links in mails lead, without a trailing slash.
    pub public_url: String,
}

/// Whom an event has a letter for, and the letter.
type Addressed = (UserId, Letter);

impl Mailer {
    pub async fn run(self, jetstream: Context, stop: CancellationToken) {
        let progress = self.store.progress();
        SUBSCRIPTION.run(jetstream, progress, stop, |event| self.answer(event)).await;
    }

    async fn answer(&self, recorded: Recorded) -> Result<(), ReactionError> {
        let Some((user, letter)) = self.letter(&recorded).await? else {
            return Ok(());
        };
        let account = self.store.load_fresh::<User>(recorded.tenant, &user.to_string()).await;
        let account = account.map_err(not_yet)?;
        // Erased since: there is nobody to write to.
        let Ok(account) = account.state.account() else {
            return Ok(());
        };
        let address = self.store.vault().open(recorded.tenant, &account.email).await;
        let Some(address) = address.map_err(not_yet)? else {
            return Ok(());
        };
        let Written { subject, body } = written(account.language, &letter);
        let to = address.as_str().to_owned();
        let mail = Mail { position: recorded.position, to, subject, body };
        match self.post.send(&mail).await {
            Ok(()) => Ok(()),
            Err(MailError::Unavailable(reason)) => Err(ReactionError::NotYet(reason)),
            Err(MailError::Refused(reason)) => Err(ReactionError::Failed(reason)),
        }
    }

    async fn letter(&self, recorded: &Recorded) -> Result<Option<Addressed>, ReactionError> {
        if let Some(event) = recorded.event::<User>().map_err(failed)? {
            let user = UserId::new(recorded.id().map_err(failed)?);
            return Ok(self.of_user(recorded, user, event).map(|letter| (user, letter)));
        }
        if let Some(event) = recorded.event::<Session>().map_err(failed)? {
            return Ok(of_session(recorded, event));
        }
        if let Some(event) = recorded.event::<CodesAggregate>().map_err(failed)? {
            let user = UserId::new(recorded.id().map_err(failed)?);
            return Ok(self.of_code(recorded, user, event).map(|letter| (user, letter)));
        }
        match recorded.event::<Devices>().map_err(failed)? {
            Some(event) => self.of_device(recorded, event).await,
            None => Ok(None),
        }
    }

    fn of_user(&self, recorded: &Recorded, user: UserId, event: UserEvent) -> Option<Letter> {
        let at = recorded.metadata.occurred_at;
        match event {
            // Verified by whoever made the account, in the same commit.
            UserEvent::UserRegistered { .. }
                if recorded.metadata.actor_type == ActorType::System =>
            {
                None
            }
            UserEvent::UserRegistered { challenge, .. }
            | UserEvent::EmailVerificationRequested { challenge, .. } => {
                let token = self.token(recorded, user, challenge);
                let link = format!("{}/api/v1/auth/verify-email?token={token}", self.public_url);
                Some(Letter::Verification { link, until: challenge.expires_at })
            }
            UserEvent::RegistrationAttempted { .. } => Some(Letter::AlreadyRegistered {}),
            UserEvent::PasswordResetRequested { challenge, .. } => {
                let token = self.token(recorded, user, challenge);
                Some(Letter::PasswordReset { token, until: challenge.expires_at })
            }
            UserEvent::AccountLocked { until, .. } => Some(Letter::AccountLocked { until }),
            UserEvent::PasswordReset { .. } | UserEvent::PasswordChanged { .. } => {
                Some(Letter::PasswordChanged { at })
            }
            UserEvent::PasswordExpiryAnnounced { until } => Some(Letter::PasswordExpires { until }),
            UserEvent::EmailVerified {}
            | UserEvent::RoleAssigned { .. }
            | UserEvent::PasswordRehashed { .. }
            | UserEvent::ProfileChanged { .. }
            | UserEvent::NameWithdrawn { .. }
            | UserEvent::UserStatusChanged { .. }
            | UserEvent::AccountUnlocked {}
            | UserEvent::UserErased {} => None,
        }
    }

    fn of_code(
        &self,
        recorded: &Recorded,
        user: UserId,
        event: SignInCodesEvent,
    ) -> Option<Letter> {
        let code = |challenge: ChallengeId, resends: u32, until: Moment| {
            let of = WaitingSignIn { tenant: recorded.tenant, user, challenge };
            // One that comes too late would only be puzzled over.
            (self.store.clock().now() < until)
                .then(|| Letter::SignInCode { code: self.sign_in_codes.code(of, resends), until })
        };
        match event {
            SignInCodesEvent::CodeAsked { challenge, expires_at, .. } => {
                code(challenge, 0, expires_at)
            }
            SignInCodesEvent::CodeAskedAgain { challenge, resends, expires_at, .. } => {
                code(challenge, resends, expires_at)
            }
            SignInCodesEvent::CodeTried { .. }
            | SignInCodesEvent::CodeAccepted { .. }
            | SignInCodesEvent::CodesWithdrawn {} => None,
        }
    }

    async fn of_device(
        &self,
        recorded: &Recorded,
        event: DevicesEvent,
    ) -> Result<Option<Addressed>, ReactionError> {
        match event {
            DevicesEvent::DeviceAdded { first: false, name, user_agent, address, .. } => {
                let name = self.opened(recorded, name).await?;
                let user_agent = self.opened(recorded, user_agent).await?;
                let unknown = || "?".to_owned();
                let letter = Letter::NewDevice {
                    device: name.or(user_agent).unwrap_or_else(unknown),
                    address: self.opened(recorded, address).await?.unwrap_or_else(unknown),
                    at: recorded.metadata.occurred_at,
                };
                Ok(Some((UserId::new(recorded.id().map_err(failed)?), letter)))
            }
            DevicesEvent::DeviceAdded { first: true, .. }
            | DevicesEvent::DeviceTrusted { .. }
            | DevicesEvent::DeviceDistrusted { .. }
            | DevicesEvent::DeviceBlocked { .. }
            | DevicesEvent::DeviceForgotten { .. } => Ok(None),
        }
    }

    async fn opened(
        &self,
        recorded: &Recorded,
        datum: Option<Personal<String>>,
    ) -> Result<Option<String>, ReactionError> {
        match datum {
            Some(datum) => self.store.vault().open(recorded.tenant, &datum).await.map_err(not_yet),
            None => Ok(None),
        }
    }

    fn token(&self, recorded: &Recorded, user: UserId, challenge: Challenge) -> String {
        let (tenant, challenge) = (recorded.tenant, challenge.id);
        self.challenges.token(Answered { tenant, user, challenge })
    }
}

fn of_session(recorded: &Recorded, event: SessionEvent) -> Option<Addressed> {
    match event {
        SessionEvent::RefreshTokenReuseDetected { user, .. } => {
            Some((user, Letter::TokenReused { at: recorded.metadata.occurred_at }))
        }
        SessionEvent::SessionOpened { .. }
        | SessionEvent::TokensRefreshed { .. }
        | SessionEvent::SessionRevoked { .. } => None,
    }
}

fn failed(error: impl std::fmt::Display) -> ReactionError {
    ReactionError::Failed(error.to_string())
}

fn not_yet(error: impl std::fmt::Display) -> ReactionError {
    ReactionError::NotYet(error.to_string())
}
