//! Mails that events ask for. What is secret in them is derived here and stored nowhere.

use std::sync::Arc;

use async_nats::jetstream::Context;
use domain::permission::ActorType;
use domain::personal::Personal;
use domain::user::email::Email;
use domain::user::{Challenge, User, UserEvent};
use eventstore::Recorded;
use eventstore::vault::Vault;
use tokio_util::sync::CancellationToken;

use super::subscription::{ReactionError, Subscription};
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

/// What a mail says, before it has an address.
struct Letter {
    to: Personal<Email>,
    subject: &'static str,
    body: String,
}

impl Mailer {
    pub async fn run(self, jetstream: Context, stop: CancellationToken) {
        SUBSCRIPTION.run(jetstream, stop, |event| self.answer(event)).await;
    }

    async fn answer(&self, recorded: Recorded) -> Result<(), ReactionError> {
        let event = recorded.event::<User>().map_err(failed)?;
        let Some(letter) = event.and_then(|event| self.letter(&recorded, event)) else {
            return Ok(());
        };
        let address = self.vault.open(recorded.tenant, &letter.to).await;
        let address = address.map_err(|error| ReactionError::NotYet(error.to_string()))?;
        // Erased since: there is nobody to write to.
        let Some(address) = address else {
            return Ok(());
        };
        let mail = Mail {
            position: recorded.position,
            to: address.as_str().to_owned(),
            subject: letter.subject.to_owned(),
            body: letter.body,
        };
        match self.post.send(&mail).await {
            Ok(()) => Ok(()),
            Err(MailError::Unavailable(reason)) => Err(ReactionError::NotYet(reason)),
            Err(MailError::Refused(reason)) => Err(ReactionError::Failed(reason)),
        }
    }

    fn letter(&self, recorded: &Recorded, event: UserEvent) -> Option<Letter> {
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
                let url = &self.public_url;
                Some(Letter {
                    to: email,
                    subject: "Verify your e-mail address",
                    body: format!(
                        "Welcome to CaskChain. Open this link to verify your address:\n\n\
                         {url}/api/v1/auth/verify-email?token={token}\n\n\
                         It works once, until {}.",
                        challenge.expires_at
                    ),
                })
            }
            UserEvent::RegistrationAttempted { email } => Some(Letter {
                to: email,
                subject: "You already have an account",
                body: "Somebody, perhaps you, tried to register at CaskChain with this address. \
                       You already have an account; sign in with it. If it was not you, there is \
                       nothing you need to do."
                    .to_owned(),
            }),
            UserEvent::PasswordResetRequested { challenge, email } => Some(Letter {
                to: email,
                subject: "A new password",
                body: format!(
                    "Somebody, perhaps you, wants to set a new password for your account at \
                     CaskChain. If it was you, this token lets you:\n\n{}\n\n\
                     It works once, until {}. If it was not you, there is nothing you need to do.",
                    self.token(recorded, challenge)?,
                    challenge.expires_at
                ),
            }),
            UserEvent::AccountLocked { email, until } => Some(Letter {
                to: email,
                subject: "Your account is locked for a while",
                body: format!(
                    "There were too many wrong passwords, or an administrator locked your account \
                     at CaskChain. It opens again by itself at {until}, or at once with a new \
                     password that you ask for by mail."
                ),
            }),
            UserEvent::EmailVerified {}
            | UserEvent::RoleAssigned { .. }
            | UserEvent::PasswordReset { .. }
            | UserEvent::PasswordChanged { .. }
            | UserEvent::PasswordRehashed { .. }
            | UserEvent::PasswordExpiryAnnounced { .. }
            | UserEvent::ProfileChanged { .. }
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
