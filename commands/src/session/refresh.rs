//! Changing a refresh token for the next, and a new access token with it.

use domain::permission::Permission;
use domain::session::{self, EndReason, Session, SessionError, SessionEvent};
use domain::sign_ins::SignIns;
use domain::user::User;
use eventstore::Loaded;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::end::unlisting;
use super::open::{SignedIn, Usable};
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};
use crate::outside::refresh_tokens::Shown;

/// What came of a token that was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Changed {
    Usable(Usable),
    /// It was a copy; the session has been ended.
    Copied,
}

impl Commands {
    pub async fn refresh(
        &self,
        asked: &Asked,
        token: &SecretString,
    ) -> Result<Done<SignedIn>, CommandError> {
        asked.must_be_allowed(Permission::PUBLIC)?;
        let shown = self.refresh_tokens.check(token).ok_or(SessionError::Unknown)?;
        // The token says whose session it is; the caller does not have to. It is also what makes
        // asking twice harmless: an idempotency key would let a copy be used for a day.
        let asked = Asked { key: None, ..asked.for_tenant(shown.tenant) };
        let id = shown.session.to_string();
        let session = self.store.load::<Session>(shown.tenant, &id).await?;
        let user = session.state.user().ok_or(SessionError::Unknown)?;
        let account = self.store.load_fresh::<User>(shown.tenant, &user.to_string()).await?;
        let done = self.once(&asked, || self.change_token(&asked, shown, &account)).await?;
        let Changed::Usable(usable) = done.answer else {
            return Err(SessionError::RefreshRevoked.into());
        };
        let done = done.with(usable);
        self.signed_in(&asked, user, &account.state, done).await
    }

    async fn change_token(
        &self,
        asked: &Asked,
        shown: Shown,
        account: &Loaded<User>,
    ) -> Result<Done<Changed>, CommandError> {
        let id = shown.session.to_string();
        let now = self.store.clock().now();
        let command = session::RefreshTokens { generation: shown.generation, now };
        let (loaded, events) = self.decide::<Session, _>(asked, &id, &command).await?;
        let copied = events
            .iter()
            .any(|event| matches!(event, SessionEvent::RefreshTokenReuseDetected { .. }));
        if !copied {
            // Before the token is changed: who may not stay keeps the one they have.
            account.state.stay()?;
        }
        let answer = match &*loaded.state {
            Session::Open(open) if !copied => {
                let moved = u32::from(!events.is_empty());
                let generation = open.generation + moved;
                let session = shown.session;
                let device = open.device;
                Changed::Usable(Usable { session, device, generation, ends_at: open.ends_at() })
            }
            _ => Changed::Copied,
        };
        let mut commit = self.begin(asked).append(&loaded, events);
        if let (true, Some(user)) = (copied, loaded.state.user()) {
            tracing::warn!(session = id, reason = ?EndReason::TokenReused, "a session is ended");
            let tenant = asked.context.tenant();
            let sign_ins = self.store.load_fresh::<SignIns>(tenant, &user.to_string()).await?;
            commit = unlisting(commit, &sign_ins, &[shown.session])?;
        }
        self.commit(asked, &answer, commit).await
    }
}
