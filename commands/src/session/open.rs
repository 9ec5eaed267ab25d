//! Opening a session, once it is clear who it is for: at the device they came with, in the list of
//! at most five.

use domain::devices::{Devices, RecogniseDevice};
use domain::id::{DeviceId, SessionId, TenantId, UserId};
use domain::moment::Moment;
use domain::role::Role;
use domain::session::{EndReason, OpenSession, Session};
use domain::sign_in_guard::{CountAgain, SignInGuard};
use domain::sign_ins::{AddSession, SignIns, SignInsEvent};
use domain::user::User;
use domain::user::email::Email;
use eventstore::{Commit, Loaded};
use serde::{Deserialize, Serialize};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

/// Somebody who is signed in. Tokens are made from it when it is told, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedIn {
    pub tenant: TenantId,
    pub user: UserId,
    pub session: SessionId,
    pub device: Option<DeviceId>,
    /// Of the refresh token.
    pub generation: u32,
    /// When the session is over, however much it is used.
    pub ends_at: Moment,
    pub roles: Vec<Role>,
    pub email: Option<String>,
}

/// What is kept of a session for a repetition of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Usable {
    pub session: SessionId,
    pub device: Option<DeviceId>,
    pub generation: u32,
    pub ends_at: Moment,
}

/// A session to open.
pub(super) struct Opening {
    pub user: UserId,
    pub remember_me: bool,
    /// What the password was counted under: nobody comes in once that has been locked.
    pub guard: String,
    pub device: Recognition,
    pub address: Option<String>,
    pub user_agent: Option<String>,
}

/// What a device can be known by.
#[derive(Clone)]
pub(super) struct Recognition {
    /// By the token it showed.
    pub shown: Option<DeviceId>,
    pub recognised_by: String,
    pub name: Option<String>,
}

impl Commands {
    /// Adds a session to a commit, which checks the devices, `seen` before or not.
    pub(super) async fn opening<'a>(
        &self,
        asked: &Asked,
        mut commit: Commit<'a>,
        opening: &Opening,
        seen: Option<&Loaded<Devices>>,
    ) -> Result<(Commit<'a>, Usable), CommandError> {
        let (user, now) = (opening.user, self.store.clock().now());
        let recognise = self.recognising(opening)?;
        let (devices, noted) = self.decide_on(asked, seen, &user.to_string(), &recognise).await?;
        let device = recognise.known(&devices.state).map_or(recognise.new, |known| known.id);
        let session = SessionId::new(self.ids.next()?);
        let command = OpenSession {
            user,
            device,
            address: opening.address.clone(),
            user_agent: opening.user_agent.clone(),
            remember_me: opening.remember_me,
            now,
        };
        let (loaded, events) =
            self.decide_first::<Session, _>(asked, &session.to_string(), &command)?;
        let ends_at = command.ends_at();
        let add = AddSession { session, ends_at, now };
        let (sign_ins, listing) = self.decide::<SignIns, _>(asked, &user.to_string(), &add).await?;
        let again = CountAgain { now };
        let (guard, counting) =
            self.decide::<SignInGuard, _>(asked, &opening.guard, &again).await?;
        commit = commit.append(&loaded, events).append(&guard, counting);
        commit = match noted.is_empty() {
            // It must not be blocked in this very moment.
            true => commit.expecting(&devices),
            false => commit.append(&devices, noted),
        };
        for event in &listing {
            if let SignInsEvent::SessionRemoved { session } = event {
                commit = self.ending(asked, commit, *session, EndReason::Replaced).await?;
            }
        }
        let usable = Usable { session, device: Some(device), generation: 0, ends_at };
        Ok((commit.append(&sign_ins, listing), usable))
    }

    /// The device of a session to open, as its owner's list is asked for it.
    pub(super) fn recognising(&self, opening: &Opening) -> Result<RecogniseDevice, CommandError> {
        Ok(RecogniseDevice {
            user: opening.user,
            shown: opening.device.shown,
            recognised_by: opening.device.recognised_by.clone(),
            new: DeviceId::new(self.ids.next()?),
            name: opening.device.name.clone(),
            user_agent: opening.user_agent.clone(),
            address: opening.address.clone(),
        })
    }

    /// What tokens are made from, as the account is now.
    pub(super) async fn signed_in(
        &self,
        asked: &Asked,
        user: UserId,
        account: &User,
        done: Done<Usable>,
    ) -> Result<Done<SignedIn>, CommandError> {
        let email = &account.account()?.email;
        let email = self.store.vault().open(asked.context.tenant(), email).await?;
        self.named(asked, user, account, email, done).await
    }

    /// The same, where the address is open already.
    pub(super) async fn named(
        &self,
        asked: &Asked,
        user: UserId,
        account: &User,
        email: Option<Email>,
        done: Done<Usable>,
    ) -> Result<Done<SignedIn>, CommandError> {
        let Usable { session, device, mut generation, ends_at } = done.answer;
        if done.repeated {
            // The refresh token of then may have been changed since; shown again, it would be a copy.
            generation = self.generation_of(asked, session).await?;
        }
        let tenant = asked.context.tenant();
        let roles = account.stay()?.into_iter().collect();
        let email = email.map(Into::into);
        Ok(done.with(SignedIn { tenant, user, session, device, generation, ends_at, roles, email }))
    }

    /// The generation of an open session's refresh token.
    async fn generation_of(&self, asked: &Asked, session: SessionId) -> Result<u32, CommandError> {
        let tenant = asked.context.tenant();
        let loaded = self.store.load_fresh::<Session>(tenant, &session.to_string()).await?;
        Ok(loaded.state.open_at(self.store.clock().now())?.generation)
    }
}
