//! The second step of a sign-in: the code that was mailed.

use domain::moment::Moment;
use domain::permission::Permission;
use domain::sign_in_codes::{
    AcceptCode, AskCodeAgain, RESENDS_ALLOWED, SignInCodes, SignInCodesError, SignInCodesEvent,
    TRIES_ALLOWED, TryCode,
};
use domain::user::User;
use eventstore::Loaded;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::open::{Opening, Recognition, SignedIn, Usable};
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};
use crate::outside::sign_in_codes::WaitingSignIn;

/// Another code was mailed. The time there is did not grow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeResent {
    pub expires_at: Moment,
    pub resends_remaining: u32,
}

impl Commands {
    /// `token` is what the first step answered.
    pub async fn verify_code(
        &self,
        asked: &Asked,
        token: &SecretString,
        code: &SecretString,
        address: Option<String>,
        user_agent: Option<String>,
    ) -> Result<Done<SignedIn>, CommandError> {
        asked.must_be_allowed(Permission::PUBLIC)?;
        let of = self.sign_in_codes.check(token).ok_or(SignInCodesError::NotWaiting)?;
        let asked = asked.for_tenant(of.tenant);
        let done = match self.answered_before::<Usable>(&asked).await? {
            // The same request, code and all.
            Some(done) => done,
            None => {
                self.try_code(&asked, of, code).await?;
                let open = || self.open_by_code(&asked, of, &address, &user_agent);
                self.once_stubbornly(&asked, open).await?
            }
        };
        let account: Loaded<User> = self.store.load_fresh(of.tenant, &of.user.to_string()).await?;
        self.signed_in(&asked, of.user, &account.state, done).await
    }

    /// Mails another code for the same sign-in.
    pub async fn resend_code(
        &self,
        asked: &Asked,
        token: &SecretString,
    ) -> Result<Done<CodeResent>, CommandError> {
        asked.must_be_allowed(Permission::PUBLIC)?;
        let of = self.sign_in_codes.check(token).ok_or(SignInCodesError::NotWaiting)?;
        let asked = asked.for_tenant(of.tenant);
        self.once(&asked, || async {
            let now = self.store.clock().now();
            let again = AskCodeAgain { challenge: of.challenge, now };
            let (codes, events) =
                self.decide::<SignInCodes, _>(&asked, &of.user.to_string(), &again).await?;
            let waiting = codes.state.waiting(of.challenge, now)?;
            let resends_remaining = RESENDS_ALLOWED.saturating_sub(waiting.resends + 1);
            let answer = CodeResent { expires_at: waiting.expires_at, resends_remaining };
            self.commit(&asked, &answer, self.begin(&asked).append(&codes, events)).await
        })
        .await
    }

    /// Counts a guess, then looks at it.
    async fn try_code(
        &self,
        asked: &Asked,
        of: WaitingSignIn,
        code: &SecretString,
    ) -> Result<(), CommandError> {
        let asked = Asked::by(asked.context.clone());
        // Its number, and after how many letters.
        let counted = self
            .once_stubbornly(&asked, || async {
                let now = self.store.clock().now();
                let attempt = TryCode { challenge: of.challenge, now };
                let (codes, events) =
                    self.decide::<SignInCodes, _>(&asked, &of.user.to_string(), &attempt).await?;
                let number = events.iter().find_map(|event| match event {
                    SignInCodesEvent::CodeTried { number, .. } => Some(*number),
                    _ => None,
                });
                let resends = codes.state.waiting(of.challenge, now)?.resends;
                let answer = (number.unwrap_or(TRIES_ALLOWED), resends);
                self.commit(&asked, &answer, self.begin(&asked).append(&codes, events)).await
            })
            .await?;
        let (number, resends) = counted.answer;
        if self.sign_in_codes.matches(of, resends, code) {
            return Ok(());
        }
        match TRIES_ALLOWED.saturating_sub(number) {
            0 => Err(SignInCodesError::TooManyTries.into()),
            attempts_remaining => Err(CommandError::WrongCode { attempts_remaining }),
        }
    }

    async fn open_by_code(
        &self,
        asked: &Asked,
        of: WaitingSignIn,
        address: &Option<String>,
        user_agent: &Option<String>,
    ) -> Result<Done<Usable>, CommandError> {
        let (now, id) = (self.store.clock().now(), of.user.to_string());
        let accept = AcceptCode { challenge: of.challenge, now };
        let (codes, events) = self.decide::<SignInCodes, _>(asked, &id, &accept).await?;
        let sign_in = codes.state.waiting(of.challenge, now)?.sign_in.clone();
        let account: Loaded<User> = self.store.load_fresh(of.tenant, &id).await?;
        account.state.stay()?;
        let name = match &sign_in.device_name {
            Some(name) => self.store.vault().open(of.tenant, name).await?,
            None => None,
        };
        let device =
            Recognition { shown: sign_in.shown_device, recognised_by: sign_in.recognised_by, name };
        let opening = Opening {
            user: of.user,
            remember_me: sign_in.remember_me,
            guard: sign_in.guard,
            device,
            address: address.clone(),
            user_agent: user_agent.clone(),
        };
        let commit = self.begin(asked).expecting(&account).append(&codes, events);
        let (commit, usable) = self.opening(asked, commit, &opening, None).await?;
        self.commit(asked, &usable, commit).await
    }
}
