//! Locking a person out for a while, and letting them in again: by every name they have.

use domain::command::Command;
use domain::devices::Devices;
use domain::id::{TenantId, UserId};
use domain::sign_in_guard::{LOCK, LockGuard, OpenGuard, SignInGuard};
use domain::user::{Account, RecordLock, RecordUnlock, User};
use eventstore::Commit;
use serde::{Deserialize, Serialize};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockChanged {}

impl Commands {
    pub async fn lock_user(
        &self,
        asked: &Asked,
        user: UserId,
    ) -> Result<Done<LockChanged>, CommandError> {
        asked.must_be_allowed(<RecordUnlock as Command<User>>::REQUIRES)?;
        self.once(asked, || async {
            let until = self.store.clock().now().plus(LOCK);
            let (loaded, events) =
                self.decide::<User, _>(asked, &user.to_string(), &RecordLock { until }).await?;
            let mut commit = self.begin(asked).append(&loaded, events);
            let account = loaded.state.account()?;
            for guard in self.guards_of(asked.context.tenant(), user, account).await? {
                let lock = LockGuard { until };
                let (loaded, events) = self.decide::<SignInGuard, _>(asked, &guard, &lock).await?;
                commit = commit.append(&loaded, events);
            }
            self.commit(asked, &LockChanged {}, commit).await
        })
        .await
    }

    pub async fn unlock_user(
        &self,
        asked: &Asked,
        user: UserId,
    ) -> Result<Done<LockChanged>, CommandError> {
        asked.must_be_allowed(<RecordUnlock as Command<User>>::REQUIRES)?;
        self.once(asked, || async {
            let (loaded, events) =
                self.decide::<User, _>(asked, &user.to_string(), &RecordUnlock).await?;
            let commit = self.begin(asked).append(&loaded, events);
            let commit = self.opening_guards(asked, commit, user, loaded.state.account()?).await?;
            self.commit(asked, &LockChanged {}, commit).await
        })
        .await
    }

    /// Opens the guards of all names of a person with a commit.
    pub(super) async fn opening_guards<'a>(
        &self,
        asked: &Asked,
        mut commit: Commit<'a>,
        user: UserId,
        account: &Account,
    ) -> Result<Commit<'a>, CommandError> {
        for guard in self.guards_of(asked.context.tenant(), user, account).await? {
            let (loaded, events) = self.decide::<SignInGuard, _>(asked, &guard, &OpenGuard).await?;
            commit = commit.append(&loaded, events);
        }
        Ok(commit)
    }

    /// The guards of whatever a person can sign in with, and on.
    async fn guards_of(
        &self,
        tenant: TenantId,
        user: UserId,
        account: &Account,
    ) -> Result<Vec<String>, CommandError> {
        let vault = self.store.vault();
        let mut names: Vec<String> = Vec::new();
        names.extend(vault.open(tenant, &account.email).await?.map(String::from));
        if let Some(username) = &account.username {
            names.extend(vault.open(tenant, username).await?.map(String::from));
        }
        if let Some(phone) = &account.phone {
            names.extend(vault.open(tenant, phone).await?.map(String::from));
        }
        let devices = self.store.load_fresh::<Devices>(tenant, &user.to_string()).await?;
        let by_name = names.iter().map(|name| self.claim_digests.guard(tenant, name));
        let by_device = devices
            .state
            .all()
            .map(|device| self.claim_digests.device_guard(tenant, user, device.id));
        Ok(by_name.chain(by_device).collect())
    }
}
