//! The door somebody stands before who types an identifier and a password: what is behind it is
//! looked for in the same steps, and attempts are counted, whether or not there is anybody.

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
use eventstore::Loaded;
use secrecy::SecretString;

use super::sign_in::{SignIn, telling};
use crate::claims::{self, Identifier};
use crate::error::CommandError;
use crate::evenly::evenly_after;
use crate::execute::{Asked, Commands, Done};
use crate::outside::passwords::{Compared, Place};

/// What was found behind an identifier.
pub(super) struct Door {
    /// What attempts are counted under: the identifier, or the owner's own device.
    pub guard: String,
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
        let holder = self.holder_of(tenant, typed).await?;
        let user = holder.unwrap_or(NOBODY);
        // Fresh: a no must not come from an old memory, and a role given a moment ago counts.
        let (account, devices) =
            self.store.load_both_evenly::<User, Devices>(tenant, &user.to_string()).await?;
        let known = self.known_device(tenant, user, sign_in, &devices.state);
        let guard = match known {
            Some(known) if !known.blocked => {
                self.claim_digests.device_guard(tenant, user, known.device)
            }
            Some(_) | None => self.claim_digests.guard(tenant, typed),
        };
        let (sealed, address) = match account.state.account() {
            Ok(account) => (account.password_hash.clone(), account.email.clone()),
            Err(_) => (nobodys(Purpose::Security), nobodys(Purpose::Contact)),
        };
        let (hash, address) = self.store.vault().open_both(tenant, &sealed, &address).await?;
        let took = began.elapsed();
        Ok(Door { guard, user, account, devices, known, hash, address, took })
    }

    /// The device, if its token is one of ours, for this very person.
    fn known_device(
        &self,
        tenant: TenantId,
        user: UserId,
        sign_in: &SignIn,
        devices: &Devices,
    ) -> Option<KnownDevice> {
        let shown = self.device_tokens.check(sign_in.device.token.as_ref()?)?;
        if (shown.tenant, shown.user) != (tenant, user) {
            return None;
        }
        let device = devices.device(shown.device).ok()?;
        let (trusted, blocked) = (device.trusted, device.blocked);
        Some(KnownDevice { device: device.id, trusted, blocked })
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
                    self.decide_evenly::<SignInGuard, _>(&asked, guard, &command).await?;
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
                self.decide::<SignInGuard, _>(&asked, &door.guard, &failure).await?;
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
