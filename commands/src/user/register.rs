//! Registering a person: hash the password, claim the names, ask for the address to be verified.

use domain::id::{ChallengeId, TenantId, UserId};
use domain::language::Language;
use domain::permission::Permission;
use domain::sign_in_guard::{AskLetter, Letter, SignInGuard, SignInGuardEvent};
use domain::tenant::{PasswordPolicy, Tenant};
use domain::user::email::Email;
use domain::user::names::{FullName, Phone, Username};
use domain::user::{RecordRegistrationAttempt, RegisterUser, User};
use domain::violation::Violation;
use eventstore::Loaded;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::names::tried_again;
use super::new_password::judge;
use crate::claims::{self, Identifier};
use crate::error::CommandError;
use crate::evenly::evenly;
use crate::execute::{Asked, Commands, Done};

/// What a person fills in.
#[derive(Clone)]
pub struct Registration {
    pub email: Email,
    pub password: SecretString,
    pub username: Option<Username>,
    pub full_name: Option<FullName>,
    pub phone: Option<Phone>,
    pub language: Language,
}

/// What a person is told. The same whether or not the address was known before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {}

impl Registration {
    /// The policy's judgement of the password, which needs the names beside it.
    pub(super) fn judge_password(&self, policy: &PasswordPolicy) -> Result<(), Violation> {
        let own_words = [
            Some(self.email.as_str()),
            self.username.as_ref().map(Username::as_str),
            self.full_name.as_ref().map(FullName::as_str),
        ];
        let own_words: Vec<_> = own_words.into_iter().flatten().collect();
        judge(policy, self.password.expose_secret(), &own_words)
    }

    pub(super) fn identifiers(&self) -> Vec<Identifier> {
        let email = Some(Identifier::Email(self.email.clone()));
        let username = self.username.clone().map(Identifier::Username);
        let phone = self.phone.clone().map(Identifier::Phone);
        [email, username, phone].into_iter().flatten().collect()
    }
}

impl Commands {
    pub async fn register_user(
        &self,
        asked: &Asked,
        registration: &Registration,
    ) -> Result<Done<Registered>, CommandError> {
        asked.must_be_allowed(Permission::PUBLIC)?;
        self.once(asked, || async {
            let tenant = self.open_tenant(asked.context.tenant()).await?;
            let settings = tenant.state.settings()?;
            registration
                .judge_password(&settings.passwords)
                .map_err(|violation| CommandError::Invalid { field: "password", violation })?;
            self.must_be_free(asked, registration).await?;
            let user = UserId::new(self.ids.next()?);
            let command = self.registering(user, registration).await?;
            evenly(self.registered(asked, registration, &tenant, &command)).await
        })
        .await
    }

    /// Makes an account, or tells the owner of the one there is.
    async fn registered(
        &self,
        asked: &Asked,
        registration: &Registration,
        tenant: &Loaded<Tenant>,
        command: &RegisterUser,
    ) -> Result<Done<Registered>, CommandError> {
        let (email, user) = (&registration.email, command.user);
        let known = self.holder_of(tenant.tenant, email.as_str()).await?;
        if known.is_some() && tenant.state.settings()?.reveal_existing_email {
            return Err(CommandError::Claimed(vec![claims::EMAIL.to_owned()]));
        }
        if let Some(owner) = known {
            return self.tell_the_owner(asked, owner, email).await;
        }
        let (loaded, events) = self.decide_first::<User, _>(asked, &user.to_string(), command)?;
        let (guard, asking) = self.asking(asked, email, Letter::Verification).await?;
        let name = Identifier::Email(email.clone());
        let claim = self.claim_digests.claim(tenant.tenant, &name, user.to_string());
        let commit = self
            .begin(asked)
            .expecting(tenant)
            .append(&loaded, events)
            .append(&guard, asking)
            .claiming(vec![claim]);
        // Claimed in this very moment: the next attempt finds the address known.
        tried_again(self.commit(asked, &Registered {}, commit).await)
    }

    /// The command, with the facts it needs.
    pub(super) async fn registering(
        &self,
        user: UserId,
        registration: &Registration,
    ) -> Result<RegisterUser, CommandError> {
        Ok(RegisterUser {
            user,
            email: registration.email.clone(),
            username: registration.username.clone(),
            full_name: registration.full_name.clone(),
            phone: registration.phone.clone(),
            language: registration.language,
            password_hash: self.passwords.hash(user, registration.password.clone()).await?,
            challenge: ChallengeId::new(self.ids.next()?),
            now: self.store.clock().now(),
        })
    }

    /// The address is known: its owner gets a mail, and the caller the answer everybody gets.
    async fn tell_the_owner(
        &self,
        asked: &Asked,
        owner: UserId,
        email: &Email,
    ) -> Result<Done<Registered>, CommandError> {
        let (guard, asking) = self.asking(asked, email, Letter::AlreadyRegistered).await?;
        let mut commit = self.begin(asked);
        if !asking.is_empty() {
            let command = RecordRegistrationAttempt;
            let (account, events) =
                self.decide::<User, _>(asked, &owner.to_string(), &command).await?;
            commit = commit.append(&guard, asking).append(&account, events);
        }
        self.commit(asked, &Registered {}, commit).await
    }

    /// Whether a letter may go to the address.
    async fn asking(
        &self,
        asked: &Asked,
        email: &Email,
        letter: Letter,
    ) -> Result<(Loaded<SignInGuard>, Vec<SignInGuardEvent>), CommandError> {
        let guard = self.claim_digests.guard(asked.context.tenant(), email.as_str());
        let ask = AskLetter { letter, now: self.store.clock().now() };
        self.decide_evenly::<SignInGuard, _>(asked, &guard, &ask).await
    }

    /// The tenant, which has to exist. It is a condition of whatever is committed with it.
    pub(crate) async fn open_tenant(
        &self,
        tenant: TenantId,
    ) -> Result<Loaded<Tenant>, CommandError> {
        let id = tenant.to_string();
        let loaded = self.store.load::<Tenant>(tenant, &id).await?;
        if loaded.state.must_be_open().is_ok() {
            return Ok(loaded);
        }
        let loaded = self.store.load_fresh::<Tenant>(tenant, &id).await?;
        loaded.state.must_be_open()?;
        Ok(loaded)
    }
}
