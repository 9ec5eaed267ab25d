//! The door somebody stands before who types an identifier and a password: what is behind it is
//! looked for in the same steps, and attempts are counted, whether or not there is anybody.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use domain::command::Command;
use domain::devices::Devices;
use domain::id::{ChallengeId, DeviceId, TenantId, UserId};
use domain::moment::Moment;
use domain::personal::{Personal, Purpose, SealedRef};
use domain::sign_in_guard::{
    ATTEMPTS_ALLOWED, AskLetter, CountAgain, CountAttempt, LOCK, Letter, LockGuard, RecordFailure,
    SignInGuard, SignInGuardEvent,
};
use domain::user::email::Email;
use domain::user::{RecordLock, RequestVerification, User, UserEvent};
use eventstore::{Loaded, Name};
use secrecy::SecretString;

use super::sign_in::{SignIn, telling};
use crate::claims::{self, Identifier};
use crate::error::CommandError;
use crate::evenly::evenly_after;
use crate::execute::{Asked, Commands, Done};
use crate::outside::device_tokens::Owned;
use crate::outside::passwords::{Compared, Place};

/// What was found behind an identifier.
pub(super) struct Door {
    /// What attempts are counted by: under the identifier, or under the owner's own device.
    pub guard: Loaded<SignInGuard>,
    pub user: UserId,
    /// Unregistered, if nobody has that name.
    pub account: Loaded<User>,
    pub devices: Loaded<Devices>,
    /// The device that showed its token, if it did.
    pub known: Option<KnownDevice>,
    /// Of the password, if there is one.
    hash: Option<String>,
    /// What tokens will name.
    pub address: Option<Email>,
    /// How long it took to look. What is found has to be read, too.
    took: Duration,
}

/// A device of the owner's that showed its token.
#[derive(Clone, Copy)]
pub(super) struct KnownDevice {
    pub device: DeviceId,
    pub trusted: bool,
    pub blocked: bool,
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
    pub(super) async fn door(&self, asked: &Asked, sign_in: &SignIn) -> Result<Door, CommandError> {
        let (tenant, typed) = (asked.context.tenant(), &sign_in.identifier);
        let began = Instant::now();
        let (kind, digest) = self.claim_of(tenant, typed);
        let nobody = NOBODY.to_string();
        let name = Name { tenant, kind, digest: &digest, nobody: &nobody };
        let shown = sign_in.device.token.as_ref().and_then(|token| self.device_tokens.check(token));
        let shown = shown.filter(|shown| shown.tenant == tenant);
        let mut guards = vec![self.claim_digests.guard(tenant, typed)];
        guards.extend(shown.map(|of| self.claim_digests.device_guard(tenant, of.user, of.device)));
        let guards: Vec<&str> = guards.iter().map(String::as_str).collect();
        // Fresh: a no must not come from an old memory, and a role given a moment ago counts.
        let (account, devices, mut guards) =
            self.store.load_behind::<User, Devices, SignInGuard>(&name, &guards).await?;
        let user = if account.id == nobody { NOBODY } else { user_of(&account.id)? };
        let known = shown.and_then(|shown| known_device(shown, user, &devices.state));
        let guard = match known {
            Some(known) if !known.blocked => guards.pop(),
            Some(_) | None => guards.drain(..).next(),
        };
        let guard = guard.ok_or_else(|| CommandError::Broken("no guard was loaded".to_owned()))?;
        let (sealed, address) = match account.state.account() {
            Ok(account) => (account.password_hash.clone(), account.email.clone()),
            Err(_) => (nobodys(Purpose::Security), nobodys(Purpose::Contact)),
        };
        let (hash, address) = self.store.vault().open_both(tenant, &sealed, &address).await?;
        let took = began.elapsed();
        Ok(Door { guard, user, account, devices, known, hash, address, took })
    }

    /// Who has the name, by the claims themselves.
    pub(crate) async fn holder_of(
        &self,
        tenant: TenantId,
        typed: &str,
    ) -> Result<Option<UserId>, CommandError> {
        let (kind, digest) = self.claim_of(tenant, typed);
        let holder = self.store.holder_of(tenant, kind, &digest).await?;
        holder.map(|holder| user_of(&holder)).transpose()
    }

    /// What a name is claimed as. What cannot be a name is looked for as well.
    fn claim_of(&self, tenant: TenantId, typed: &str) -> (&'static str, Vec<u8>) {
        match Identifier::parse(typed) {
            Some(identifier) => (identifier.kind(), self.claim_digests.digest(tenant, &identifier)),
            None => (claims::EMAIL, Vec::new()),
        }
    }

    pub(super) async fn compare_password(
        &self,
        door: &Door,
        place: Place,
        password: &SecretString,
    ) -> Result<Compared, CommandError> {
        Ok(match &door.hash {
            Some(hash) => {
                self.passwords.compare_at(place, door.user, password.clone(), hash.clone()).await?
            }
            None => self.passwords.compare_with_nothing(place, password.clone()).await?,
        })
    }

    /// Before the password is compared. While the guard is locked, the work is done all the same.
    /// What was `seen` of it was read for this very request.
    pub(crate) async fn count_attempt(
        &self,
        asked: &Asked,
        guard: &str,
        seen: Option<&Loaded<SignInGuard>>,
    ) -> Result<Attempt, CommandError> {
        let asked = Asked::by(asked.context.clone());
        let command = CountAttempt { now: self.store.clock().now() };
        let tried = AtomicBool::new(false);
        let counted = self
            .once(&asked, || async {
                let again = tried.swap(true, Ordering::Relaxed);
                let loaded = match seen {
                    Some(seen) if !again => seen.clone(),
                    Some(_) | None => self.store.load_evenly(asked.context.tenant(), guard).await?,
                };
                let events = command.decide(&loaded.state).map_err(CommandError::refused)?;
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

    /// What to answer to a wrong password. It is noted for whoever's account it is; the last one
    /// locks, and the owner is told. `remind` mails the link again to somebody whose password was
    /// right and whose address is not verified yet.
    pub(super) async fn wrong_credentials(
        &self,
        asked: &Asked,
        door: &Door,
        number: u32,
        sign_in: &SignIn,
        remind: bool,
    ) -> Result<CommandError, CommandError> {
        let attempts_remaining = ATTEMPTS_ALLOWED.saturating_sub(number);
        let until = self.store.clock().now().plus(LOCK);
        let asked = Asked::by(asked.context.clone());
        let note = self.once_stubbornly(&asked, || async {
            let id = door.user.to_string();
            let account = self.store.load_evenly::<User>(asked.context.tenant(), &id).await?;
            let failure = RecordFailure {
                // Who was erased meanwhile is nobody: nothing is kept for them.
                user: account.state.account().is_ok().then_some(door.user),
                address: sign_in.address.clone(),
                user_agent: sign_in.user_agent.clone(),
            };
            let (guard, mut noted) =
                self.decide::<SignInGuard, _>(&asked, &door.guard.id, &failure).await?;
            let mut told = Vec::new();
            if attempts_remaining == 0 {
                noted.extend(LockGuard { until }.decide(&guard.state)?);
                // If there is anybody to tell.
                told.extend(RecordLock { until }.decide(&account.state).unwrap_or_default());
            }
            if remind && Email::parse(&sign_in.identifier).is_ok() {
                let (asking, reminding) = self.reminding(&guard, &account)?;
                noted.extend(asking);
                told.extend(reminding);
            }
            let commit = telling(self.begin(&asked), &account, told).append(&guard, noted);
            self.commit(&asked, &(), commit).await
        });
        evenly_after(door.took, note).await?;
        Ok(match attempts_remaining {
            0 => CommandError::Locked(until),
            _ => CommandError::WrongCredentials { attempts_remaining },
        })
    }

    /// The letter with the link once more, if there were not too many.
    fn reminding(
        &self,
        guard: &Loaded<SignInGuard>,
        account: &Loaded<User>,
    ) -> Result<(Vec<SignInGuardEvent>, Vec<UserEvent>), CommandError> {
        let now = self.store.clock().now();
        let asking = AskLetter { letter: Letter::Verification, now }.decide(&guard.state)?;
        if asking.is_empty() {
            return Ok((asking, Vec::new()));
        }
        let request = RequestVerification { challenge: ChallengeId::new(self.ids.next()?), now };
        Ok((asking, request.decide(&account.state).unwrap_or_default()))
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

fn user_of(holder: &str) -> Result<UserId, CommandError> {
    holder.parse().map_err(|_| CommandError::Broken(format!("holder {holder}")))
}

/// The device whose token was shown, if it is of this very person.
fn known_device(shown: Owned, user: UserId, devices: &Devices) -> Option<KnownDevice> {
    let device = devices.device(shown.device).ok().filter(|_| shown.user == user)?;
    let (trusted, blocked) = (device.trusted, device.blocked);
    Some(KnownDevice { device: device.id, trusted, blocked })
}

/// A reference to nothing: the vault is asked for it all the same.
fn nobodys<T>(purpose: Purpose) -> Personal<T> {
    Personal::Sealed(SealedRef {
        subject: NOBODY,
        purpose,
        salt: String::new(),
        hash: "00".repeat(32),
        commitment: String::new(),
    })
}
