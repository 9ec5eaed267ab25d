//! Signing in with a password. Unknown people cost a hash as well, so that time tells nothing.

use domain::command::Command;
use domain::id::{SessionId, TenantId, UserId};
use domain::moment::Moment;
use domain::permission::Permission;
use domain::role::Role;
use domain::session::{EndReason, OpenSession, Session};
use domain::sign_in_guard::{CountAgain, SignInGuard};
use domain::sign_ins::{AddSession, SignIns, SignInsEvent};
use domain::user::email::Email;
use domain::user::{Credentials, RehashPassword, User, UserError};
use eventstore::Loaded;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::door::{Attempt, Door};
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

/// What is typed into a sign-in form, and where it came from.
#[derive(Clone)]
pub struct SignIn {
    pub identifier: String,
    pub password: SecretString,
    pub remember_me: bool,
    pub address: Option<String>,
    pub user_agent: Option<String>,
}

/// Somebody who is signed in. Tokens are made from it when it is told, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedIn {
    pub tenant: TenantId,
    pub user: UserId,
    pub session: SessionId,
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
    pub generation: u32,
    pub ends_at: Moment,
}

impl Commands {
    pub async fn sign_in(
        &self,
        asked: &Asked,
        sign_in: &SignIn,
    ) -> Result<Done<SignedIn>, CommandError> {
        asked.must_be_allowed(Permission::PUBLIC)?;
        // Credentials first, also when the request is a repetition: a token is made for today's
        // account, never for the one of then.
        self.open_tenant(asked.context.tenant()).await?;
        // A place in the queue before anything is counted: being turned away is no wrong password.
        let place = self.passwords.place()?;
        let door = self.door(asked, &sign_in.identifier).await?;
        let attempt = self.count_attempt(asked, &door.guard).await?;
        let compared = self.compare_password(asked, &door, place, &sign_in.password).await?;
        let number = match attempt {
            Attempt::Locked(until) => return Err(CommandError::Locked(until)),
            Attempt::Number(number) => number,
        };
        match door.account.state.admit(Credentials { password_matches: compared.matches }) {
            Ok(_) => {}
            Err(UserError::WrongCredentials) => {
                return Err(self.wrong_credentials(asked, &door, number).await?);
            }
            Err(UserError::NotActivated) => {
                // Told like everybody else, or registering with an address would tell whether it is
                // known. Whoever reads its mail finds the link again.
                self.remind(asked, &sign_in.identifier).await?;
                return Err(self.wrong_credentials(asked, &door, number).await?);
            }
            Err(refusal) => return Err(refusal.into()),
        }
        let dearer = match compared.outdated {
            true => Some(self.passwords.hash(door.user, sign_in.password.clone()).await?),
            false => None,
        };
        let open = || self.open_session(asked, sign_in, &door, dearer.as_ref());
        let done = self.once(asked, open).await?;
        if done.repeated {
            self.begin_count_again(asked, &door.guard).await?;
        }
        self.signed_in(asked, door.user, &door.account.state, done).await
    }

    async fn remind(&self, asked: &Asked, identifier: &str) -> Result<(), CommandError> {
        if let Ok(email) = Email::parse(identifier) {
            let asked = Asked::by(asked.context.clone());
            self.resend_verification(&asked, &email).await?;
        }
        Ok(())
    }

    /// What tokens are made from, as the account is now.
    pub(super) async fn signed_in(
        &self,
        asked: &Asked,
        user: UserId,
        account: &User,
        done: Done<Usable>,
    ) -> Result<Done<SignedIn>, CommandError> {
        let Usable { session, mut generation, ends_at } = done.answer;
        if done.repeated {
            // The refresh token of then may have been changed since; shown again, it would be a copy.
            generation = self.generation_of(asked, session).await?;
        }
        let tenant = asked.context.tenant();
        let roles = account.stay()?.into_iter().collect();
        let email = self.store.vault().open(tenant, &account.account()?.email).await?;
        let email = email.map(Into::into);
        Ok(Done {
            answer: SignedIn { tenant, user, session, generation, ends_at, roles, email },
            position: done.position,
            sequence: None,
            repeated: done.repeated,
        })
    }

    async fn open_session(
        &self,
        asked: &Asked,
        sign_in: &SignIn,
        door: &Door,
        dearer_hash: Option<&String>,
    ) -> Result<Done<Usable>, CommandError> {
        let user = door.user;
        // As it is now: checking the password took its time.
        let account: Loaded<User> =
            self.store.load_fresh(asked.context.tenant(), &door.account.id).await?;
        let hash_of = |user: &User| user.account().map(|account| account.password_hash.clone());
        if hash_of(&account.state) != hash_of(&door.account.state) {
            return Err(UserError::WrongCredentials.into());
        }
        account.state.stay()?;
        let session = SessionId::new(self.ids.next()?);
        let command = OpenSession {
            user,
            address: sign_in.address.clone(),
            user_agent: sign_in.user_agent.clone(),
            remember_me: sign_in.remember_me,
            now: self.store.clock().now(),
        };
        let (loaded, events) =
            self.decide_first::<Session, _>(asked, &session.to_string(), &command)?;
        let ends_at = command.ends_at();
        let add = AddSession { session, ends_at, now: command.now };
        let (sign_ins, listing) = self.decide::<SignIns, _>(asked, &user.to_string(), &add).await?;
        let again = CountAgain { now: command.now };
        let (guard, opening) = self.decide::<SignInGuard, _>(asked, &door.guard, &again).await?;
        let commit = self.begin(asked).append(&loaded, events).append(&guard, opening);
        let mut commit = match dearer_hash {
            None => commit.expecting(&account),
            Some(hash) => {
                let rehash = RehashPassword { user, password_hash: hash.clone() };
                commit.append(&account, rehash.decide(&account.state)?)
            }
        };
        for event in &listing {
            if let SignInsEvent::SessionRemoved { session } = event {
                commit = self.ending(asked, commit, *session, EndReason::Replaced).await?;
            }
        }
        let answer = Usable { session, generation: 0, ends_at };
        self.commit(asked, &answer, commit.append(&sign_ins, listing)).await
    }

    /// The generation of an open session's refresh token.
    async fn generation_of(&self, asked: &Asked, session: SessionId) -> Result<u32, CommandError> {
        let tenant = asked.context.tenant();
        let loaded = self.store.load_fresh::<Session>(tenant, &session.to_string()).await?;
        Ok(loaded.state.open_at(self.store.clock().now())?.generation)
    }
}
