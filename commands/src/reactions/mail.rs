//! Mails that events ask for. What is secret in them is derived here and stored nowhere.

use std::sync::Arc;

use async_nats::jetstream::Context;
use domain::language::Language;
use domain::permission::ActorType;
use domain::personal::Personal;
use domain::user::email::Email;
use domain::user::{Challenge, User, UserEvent};
use eventstore::Recorded;
use eventstore::vault::Vault;
use tokio_util::sync::CancellationToken;

use super::subscription::{ReactionError, Subscription};
use crate::letters::{Letter, Written, written};
use crate::outside::challenges::{Answered, Challenges};
use crate::outside::mail::{Mail, MailError, Post};

const SUBSCRIPTION: Subscription = Subscription {
    name: "mail",
    subjects: &[
        "caskchain.events.*.user.*.registered",
        "caskchain.events.*.user.*.registration_attempted",
        "caskchain.events.*.user.*.email_verification_requested",
        "caskchain.events.*.user.*.password_reset_requested",
        "caskchain.events.*.user.*.account_locked",
    ],
};

/// Writes mails.
#[derive(Clone)]
pub struct Mailer {
    pub vault: Vault,
    pub challenges: Arc<Challenges>,
    pub post: Arc<dyn Post>,
    /// Where links in mails lead, without a trailing slash.
    pub public_url: String,
}

/// A letter and whom it is for, before there is an address.
type Addressed = (Personal<Email>, Letter);

impl Mailer {
    pub async fn run(self, jetstream: Context, stop: CancellationToken) {
        SUBSCRIPTION.run(jetstream, stop, |event| self.answer(event)).await;
    }

    async fn answer(&self, recorded: Recorded) -> Result<(), ReactionError> {
        let event = recorded.event::<User>().map_err(failed)?;
        let Some((to, letter)) = event.and_then(|event| self.letter(&recorded, event)) else {
            return Ok(());
        };
        let address = self.vault.open(recorded.tenant, &to).await;
        let address = address.map_err(|error| ReactionError::NotYet(error.to_string()))?;
        // Erased since: there is nobody to write to.
        let Some(address) = address else {
            return Ok(());
        };
        let Written { subject, body } = written(self.language(), &letter);
        let to = address.as_str().to_owned();
        let mail = Mail { position: recorded.position, to, subject, body };
        match self.post.send(&mail).await {
            Ok(()) => Ok(()),
            Err(MailError::Unavailable(reason)) => Err(ReactionError::NotYet(reason)),
            Err(MailError::Refused(reason)) => Err(ReactionError::Failed(reason)),
        }
    }

    /// What people are written to in.
    fn language(&self) -> Language {
        Language::default()
    }

    fn letter(&self, recorded: &Recorded, event: UserEvent) -> Option<Addressed> {
        match event {
            // Verified by whoever made the account, in the same commit.
            UserEvent::UserRegistered { .. }
                if recorded.metadata.actor_type == ActorType::System =>
            {
                None
            }
            UserEvent::UserRegistered { challenge, email, .. }
            | UserEvent::EmailVerificationRequested { challenge, email } => {
                let token = self.token(recorded, challenge)?;
                let link = format!("{}/api/v1/auth/verify-email?token={token}", self.public_url);
                Some((email, Letter::Verification { link, until: challenge.expires_at }))
            }
            UserEvent::RegistrationAttempted { email } => {
                Some((email, Letter::AlreadyRegistered {}))
            }
            UserEvent::PasswordResetRequested { challenge, email } => {
                let token = self.token(recorded, challenge)?;
                Some((email, Letter::PasswordReset { token, until: challenge.expires_at }))
            }
            UserEvent::AccountLocked { email, until } => {
                Some((email, Letter::AccountLocked { until }))
            }
            UserEvent::EmailVerified {}
            | UserEvent::RoleAssigned { .. }
            | UserEvent::PasswordReset { .. }
            | UserEvent::PasswordChanged { .. }
            | UserEvent::PasswordRehashed { .. }
            | UserEvent::NameWithdrawn { .. }
            | UserEvent::UserStatusChanged { .. }
            | UserEvent::AccountUnlocked {}
            | UserEvent::UserErased {} => None,
        }
    }

    fn token(&self, recorded: &Recorded, challenge: Challenge) -> Option<String> {
        let user = recorded.aggregate_id.parse().ok()?;
        Some(self.challenges.token(Answered {
            tenant: recorded.tenant,
            user,
            challenge: challenge.id,
        }))
    }
}

fn failed(error: impl std::fmt::Display) -> ReactionError {
    ReactionError::Failed(error.to_string())
}
