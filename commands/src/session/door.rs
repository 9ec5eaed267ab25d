//! The door somebody stands before who types an identifier and a password: what is behind it is
//! looked for in the same steps, and attempts are counted, whether or not there is anybody.

use domain::id::{TenantId, UserId};
use domain::moment::Moment;
use domain::personal::{Personal, Purpose, SealedRef};
use domain::sign_in_guard::{
    ATTEMPTS_ALLOWED, CountAgain, CountAttempt, LOCK, LockGuard, SignInGuard, SignInGuardEvent,
};
use domain::user::{RecordLock, User};
use eventstore::Loaded;
use secrecy::SecretString;

use crate::claims::{self, Identifier};
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};
use crate::outside::passwords::{Compared, Place};

/// What was found behind an identifier.
pub(super) struct Door {
    pub guard: String,
    pub user: UserId,
    /// Unregistered, if nobody has that name.
    pub account: Loaded<User>,
}

/// What the guard says of an attempt.
#[derive(Clone, Copy)]
pub(crate) enum Attempt {
    Number(u32),
    Locked(Moment),
}

/// Under this id nobody ever is; it is looked for like everybody else.
const NOBODY: UserId = UserId::new(0);

impl Commands {
    /// Looks behind an identifier, in the same steps whether or not there is anybody.
    pub(super) async fn door(&self, asked: &Asked, typed: &str) -> Result<Door, CommandError> {
        let tenant = asked.context.tenant();
        let holder = self.holder_of(tenant, typed).await?;
        let user = holder.unwrap_or(NOBODY);
        // Fresh: a no must not come from an old memory, and a role given a moment ago counts.
        let account = self.store.load_fresh::<User>(tenant, &user.to_string()).await?;
        Ok(Door { guard: self.claim_digests.guard(tenant, typed), user, account })
    }

    /// Who has the name, by the claims themselves.
    pub(crate) async fn holder_of(
        &self,
        tenant: TenantId,
        typed: &str,
    ) -> Result<Option<UserId>, CommandError> {
        // What cannot be a name is looked for as well.
        let (kind, digest) = match Identifier::parse(typed) {
            Some(identifier) => (identifier.kind(), self.claim_digests.digest(tenant, &identifier)),
            None => (claims::EMAIL, Vec::new()),
        };
        let holder = self.store.holder_of(tenant, kind, &digest).await?;
        let unreadable = |holder: &String| CommandError::Broken(format!("holder {holder}"));
        holder.map(|holder| holder.parse().map_err(|_| unreadable(&holder))).transpose()
    }

    pub(super) async fn compare_password(
        &self,
        asked: &Asked,
        door: &Door,
        place: Place,
        password: &SecretString,
    ) -> Result<Compared, CommandError> {
        let sealed = match door.account.state.account() {
            Ok(account) => account.password_hash.clone(),
            Err(_) => nobodys_hash(),
        };
        let hash = self.store.vault().open(asked.context.tenant(), &sealed).await?;
        Ok(match hash {
            Some(hash) => {
                self.passwords.compare_at(place, door.user, password.clone(), hash).await?
            }
            None => self.passwords.compare_with_nothing(place, password.clone()).await?,
        })
    }

    /// Before the password is compared. While the guard is locked, the work is done all the same.
    pub(crate) async fn count_attempt(
        &self,
        asked: &Asked,
        guard: &str,
    ) -> Result<Attempt, CommandError> {
        let asked = Asked::by(asked.context.clone());
        let command = CountAttempt { now: self.store.clock().now() };
        let counted = self
            .once(&asked, || async {
                let (loaded, events) =
                    self.decide::<SignInGuard, _>(&asked, guard, &command).await?;
                let number = events.iter().find_map(|event| match event {
                    SignInGuardEvent::AttemptCounted { number, .. } => Some(*number),
                    _ => None,
                });
                let commit = self.begin(&asked).append(&loaded, events);
                self.commit(&asked, &number.unwrap_or(ATTEMPTS_ALLOWED), commit).await
            })
            .await;
        match counted {
            Ok(done) => Ok(Attempt::Number(done.answer)),
            Err(CommandError::Locked(until)) => Ok(Attempt::Locked(until)),
            Err(error) => Err(error),
        }
    }

    /// What to answer to a wrong password. The last one locks, and the owner is told.
    pub(super) async fn wrong_credentials(
        &self,
        asked: &Asked,
        door: &Door,
        number: u32,
    ) -> Result<CommandError, CommandError> {
        let attempts_remaining = ATTEMPTS_ALLOWED.saturating_sub(number);
        if attempts_remaining > 0 {
            return Ok(CommandError::WrongCredentials { attempts_remaining });
        }
        let until = self.store.clock().now().plus(LOCK);
        let asked = Asked::by(asked.context.clone());
        self.once(&asked, || async {
            let lock = LockGuard { until };
            let (guard, events) = self.decide::<SignInGuard, _>(&asked, &door.guard, &lock).await?;
            let mut commit = self.begin(&asked).append(&guard, events);
            if door.user != NOBODY {
                let id = door.user.to_string();
                let (account, events) =
                    self.decide::<User, _>(&asked, &id, &RecordLock { until }).await?;
                commit = commit.append(&account, events);
            }
            self.commit(&asked, &(), commit).await
        })
        .await?;
        Ok(CommandError::Locked(until))
    }

    pub(crate) async fn begin_count_again(
        &self,
        asked: &Asked,
        guard: &str,
    ) -> Result<(), CommandError> {
        let asked = Asked::by(asked.context.clone());
        let again = CountAgain { now: self.store.clock().now() };
        self.once(&asked, || async {
            let (loaded, events) = self.decide::<SignInGuard, _>(&asked, guard, &again).await?;
            self.commit(&asked, &(), self.begin(&asked).append(&loaded, events)).await
        })
        .await
        .map(|_: Done<()>| ())
    }
}

/// A reference to nothing: the vault is asked for it all the same.
fn nobodys_hash() -> Personal<String> {
    Personal::Sealed(SealedRef {
        subject: NOBODY,
        purpose: Purpose::Security,
        salt: String::new(),
        hash: "00".repeat(32),
        commitment: String::new(),
    })
}
