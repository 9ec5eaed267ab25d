//! Signing in with a password. Unknown people cost a hash as well, so that time tells nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use domain::command::Command;
use domain::devices::Devices;
use domain::id::{ChallengeId, UserId};
use domain::moment::Moment;
use domain::permission::Permission;
use domain::personal::{Personal, Purpose};
use domain::sign_in_codes::{AskCode, SignInCodes, SignInDetails};
use domain::sign_in_guard::{CountAgain, SignInGuard};
use domain::tenant::Settings;
use domain::user::{AnnounceExpiry, Credentials, RehashPassword, User, UserError, UserEvent};
use eventstore::{Commit, Loaded};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::door::{Attempt, Door};
use super::open::{Opening, Recognition, SignedIn, Usable};
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};
use crate::outside::sign_in_codes::WaitingSignIn;

/// What is typed into a sign-in form, and where it came from.
#[derive(Clone)]
pub struct SignIn {
    pub identifier: String,
    pub password: SecretString,
    pub remember_me: bool,
    pub device: DeviceInfo,
    pub address: Option<String>,
    pub user_agent: Option<String>,
}

/// What a device says of itself.
#[derive(Clone, Default)]
pub struct DeviceInfo {
    /// The token it got at its last sign-in.
    pub token: Option<SecretString>,
    pub fingerprint: Option<String>,
    /// What its owner calls it.
    pub name: Option<String>,
}

/// Past the password.
pub enum Entered {
    SignedIn(SignedIn),
    CodeAsked(CodeAsked),
}

/// A code was mailed; with it the sign-in goes on.
pub struct CodeAsked {
    /// Which sign-in it belongs to.
    pub token: SecretString,
    pub expires_at: Moment,
}

/// What is kept for a repetition of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kept {
    Opened(Usable),
    Asked { challenge: ChallengeId, expires_at: Moment },
}

/// What the account is told together with the sign-in.
struct PasswordNews {
    /// The hash at today's costs, if the stored one was cheaper.
    dearer_hash: Option<String>,
    announce: AnnounceExpiry,
}

impl Commands {
    pub async fn sign_in(
        &self,
        asked: &Asked,
        sign_in: &SignIn,
    ) -> Result<Done<Entered>, CommandError> {
        asked.must_be_allowed(Permission::PUBLIC)?;
        // Credentials first, also when the request is a repetition: a token is made for today's
        // account, never for the one of then.
        let tenant = self.open_tenant(asked.context.tenant()).await?;
        let settings = *tenant.state.settings()?;
        // A place in the queue before anything is counted: being turned away is no wrong password.
        let place = self.passwords.place()?;
        let door = self.door(asked, sign_in).await?;
        let attempt = self.count_attempt(asked, &door.guard.id, Some(&door.guard)).await?;
        let compared = self.compare_password(&door, place, &sign_in.password).await?;
        let number = match attempt {
            Attempt::Locked(until) => return Err(CommandError::Locked(until)),
            Attempt::Number(number) => number,
        };
        match door.account.state.admit(Credentials { password_matches: compared.matches }) {
            Ok(_) => {}
            // Somebody whose address is not verified is told what everybody is told, or registering
            // with an address would tell whether it is known.
            Err(refusal @ (UserError::WrongCredentials | UserError::NotActivated)) => {
                let remind = refusal == UserError::NotActivated;
                return Err(self.wrong_credentials(asked, &door, number, sign_in, remind).await?);
            }
            Err(refusal) => return Err(refusal.into()),
        }
        let now = self.store.clock().now();
        let life = settings.passwords.life();
        door.account.state.account()?.password_must_be_good(life, now)?;
        let dearer_hash = match compared.outdated {
            true => Some(self.passwords.hash(door.user, sign_in.password.clone()).await?),
            false => None,
        };
        let news = PasswordNews { dearer_hash, announce: AnnounceExpiry { life, now } };
        let tried = AtomicBool::new(false);
        let enter = || {
            let again = tried.swap(true, Ordering::Relaxed);
            self.enter(asked, sign_in, &door, again, &settings, &news)
        };
        let done = self.once(asked, enter).await?;
        if done.repeated {
            self.begin_count_again(asked, &door.guard.id).await?;
        }
        match done.answer {
            Kept::Opened(usable) => {
                let account = &door.account.state;
                let opened = done.with(usable);
                let signed_in = self.named(asked, door.user, account, door.address, opened).await?;
                let answer = signed_in.answer.clone();
                Ok(signed_in.with(Entered::SignedIn(answer)))
            }
            Kept::Asked { challenge, expires_at } => {
                let (tenant, user) = (asked.context.tenant(), door.user);
                let token = self.sign_in_codes.token(WaitingSignIn { tenant, user, challenge });
                Ok(done.with(Entered::CodeAsked(CodeAsked { token, expires_at })))
            }
        }
    }

    /// The password was right: open a session, or ask for a code.
    async fn enter(
        &self,
        asked: &Asked,
        sign_in: &SignIn,
        door: &Door,
        again: bool,
        settings: &Settings,
        news: &PasswordNews,
    ) -> Result<Done<Kept>, CommandError> {
        // Checking the password took its time. Whether what was behind the door is still there, the
        // commit checks; after one that was lost, it is looked for anew.
        let (account, devices) = match again {
            true => (self.store.load_fresh(asked.context.tenant(), &door.account.id).await?, None),
            false => (door.account.clone(), Some(&door.devices)),
        };
        if is_another_password(&door.account.state, &account.state) {
            return Err(UserError::WrongCredentials.into());
        }
        account.state.stay()?;
        let opening = Opening {
            user: door.user,
            remember_me: sign_in.remember_me,
            guard: door.guard.id.clone(),
            device: Recognition {
                shown: door.known.map(|known| known.device),
                recognised_by: self.look_of(asked, door.user, sign_in),
                name: sign_in.device.name.clone(),
            },
            address: sign_in.address.clone(),
            user_agent: sign_in.user_agent.clone(),
        };
        let mut told = news.announce.decide(&account.state)?;
        if let Some(hash) = &news.dearer_hash
            && hash_of(&account.state) == hash_of(&door.account.state)
        {
            let rehash = RehashPassword { user: door.user, password_hash: hash.clone() };
            told.extend(rehash.decide(&account.state)?);
        }
        let commit = telling(self.begin(asked), &account, told);
        let trusted = door.known.is_some_and(|known| known.trusted);
        if settings.sign_in_code && !trusted {
            return self.ask_code(asked, commit, opening).await;
        }
        let (commit, usable) = self.opening(asked, commit, &opening, devices).await?;
        self.commit(asked, &Kept::Opened(usable), commit).await
    }

    async fn ask_code(
        &self,
        asked: &Asked,
        commit: Commit<'_>,
        opening: Opening,
    ) -> Result<Done<Kept>, CommandError> {
        let user = opening.user;
        let recognise = self.recognising(&opening)?;
        // Now already: from a blocked device nobody is sent a code.
        self.decide::<Devices, _>(asked, &user.to_string(), &recognise).await?;
        let now = self.store.clock().now();
        let challenge = ChallengeId::new(self.ids.next()?);
        let secure = |text: String| Personal::new(user, Purpose::Security, text);
        let sign_in = SignInDetails {
            guard: opening.guard,
            remember_me: opening.remember_me,
            shown_device: opening.device.shown,
            recognised_by: opening.device.recognised_by,
            device_name: opening.device.name.map(secure),
        };
        let again = CountAgain { now };
        let (guard, counting) =
            self.decide::<SignInGuard, _>(asked, &sign_in.guard, &again).await?;
        let ask = AskCode { challenge, sign_in, now };
        let (codes, asking) = self.decide::<SignInCodes, _>(asked, &user.to_string(), &ask).await?;
        let commit = commit.append(&guard, counting).append(&codes, asking);
        let answer = Kept::Asked { challenge, expires_at: ask.expires_at() };
        self.commit(asked, &answer, commit).await
    }

    /// What the device of a sign-in is recognised by without its token.
    fn look_of(&self, asked: &Asked, user: UserId, sign_in: &SignIn) -> String {
        let fingerprint = sign_in.device.fingerprint.as_deref().unwrap_or_default();
        let user_agent = sign_in.user_agent.as_deref().unwrap_or_default();
        self.claim_digests.device(asked.context.tenant(), user, [fingerprint, user_agent])
    }
}

/// Whether somebody has set another password. One hashed anew is still the same.
fn is_another_password(then: &User, now: &User) -> bool {
    let former = |user: &User| user.account().map(|account| account.former_hashes.clone());
    hash_of(then) != hash_of(now) && former(then) != former(now)
}

fn hash_of(user: &User) -> Option<Personal<String>> {
    user.account().ok().map(|account| account.password_hash.clone())
}

/// The account must be as it was read, also if there is nothing to tell it.
pub(super) fn telling<'a>(
    commit: Commit<'a>,
    account: &Loaded<User>,
    events: Vec<UserEvent>,
) -> Commit<'a> {
    if events.is_empty() { commit.expecting(account) } else { commit.append(account, events) }
}
