//! Signing in with a password. Unknown people cost a hash as well, so that time tells nothing.

use domain::id::{SessionId, TenantId, UserId};
use domain::moment::Moment;
use domain::permission::Permission;
use domain::role::Role;
use domain::session::{EndReason, OpenSession, Session};
use domain::sign_ins::{AddSession, SignIns, SignInsEvent};
use domain::user::{Credentials, User, UserError};
use eventstore::Loaded;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::claims::Identifier;
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
        let Some((user, account)) = self.account_of(asked, &sign_in.identifier).await? else {
            self.passwords.compare_with_nothing(sign_in.password.clone()).await?;
            return Err(UserError::WrongCredentials.into());
        };
        let password_matches = self.password_matches(asked, user, &account, sign_in).await?;
        account.state.admit(Credentials { password_matches })?;
        let done = self.once(asked, || self.open_session(asked, sign_in, user, &account)).await?;
        self.signed_in(asked, user, &account.state, done).await
    }

    /// What tokens are made from, as the account is now.
    pub(super) async fn signed_in(
        &self,
        asked: &Asked,
        user: UserId,
        account: &User,
        done: Done<Usable>,
    ) -> Result<Done<SignedIn>, CommandError> {
        let Usable { session, generation, ends_at } = done.answer;
        if done.repeated {
            self.must_be_open(asked, session).await?;
        }
        let tenant = asked.context.tenant();
        let roles = account.stay()?.into_iter().collect();
        let email = match account.email() {
            Some(email) => self.store.vault().open(tenant, email).await?.map(Into::into),
            None => None,
        };
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
        user: UserId,
        checked: &Loaded<User>,
    ) -> Result<Done<Usable>, CommandError> {
        // As it is now: checking the password took its time.
        let account: Loaded<User> =
            self.store.load_fresh(asked.context.tenant(), &checked.id).await?;
        if account.state.password_hash() != checked.state.password_hash() {
            return Err(UserError::WrongCredentials.into());
        }
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
        let mut commit = self.begin(asked).expecting(&account).append(&loaded, events);
        for event in &listing {
            if let SignInsEvent::SessionRemoved { session } = event {
                commit = self.ending(asked, commit, *session, EndReason::Replaced).await?;
            }
        }
        let answer = Usable { session, generation: 0, ends_at };
        self.commit(asked, &answer, commit.append(&sign_ins, listing)).await
    }

    async fn must_be_open(&self, asked: &Asked, session: SessionId) -> Result<(), CommandError> {
        let tenant = asked.context.tenant();
        let loaded = self.store.load_fresh::<Session>(tenant, &session.to_string()).await?;
        Ok(loaded.state.must_be_open(self.store.clock().now())?)
    }

    async fn account_of(
        &self,
        asked: &Asked,
        identifier: &str,
    ) -> Result<Option<(UserId, Loaded<User>)>, CommandError> {
        let tenant = asked.context.tenant();
        let Some(identifier) = Identifier::parse(identifier) else {
            return Ok(None);
        };
        let digest = self.claim_digests.digest(tenant, &identifier);
        let Some(holder) = self.store.holder_of(tenant, identifier.kind(), &digest).await? else {
            return Ok(None);
        };
        let user = holder.parse().map_err(|_| CommandError::Broken(format!("holder {holder}")))?;
        // Fresh: a no must not come from an old memory, and a role given a moment ago counts.
        let account = self.store.load_fresh::<User>(tenant, &holder).await?;
        Ok(Some((user, account)))
    }

    async fn password_matches(
        &self,
        asked: &Asked,
        user: UserId,
        account: &Loaded<User>,
        sign_in: &SignIn,
    ) -> Result<bool, CommandError> {
        let hash = match account.state.password_hash() {
            Some(sealed) => self.store.vault().open(asked.context.tenant(), sealed).await?,
            None => None,
        };
        let password = sign_in.password.clone();
        Ok(match hash {
            Some(hash) => self.passwords.matches(user, password, hash).await?,
            None => self.passwords.compare_with_nothing(password).await?,
        })
    }
}
