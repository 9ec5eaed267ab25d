//! Use cases around a person's devices.

use domain::command::Command;
use domain::devices::{BlockDevice, Devices, DistrustDevice, ForgetDevice, TrustDevice};
use domain::id::{DeviceId, UserId};
use domain::permission::Permission;
use domain::session::EndReason;
use domain::user::UserError;
use serde::{Deserialize, Serialize};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};
use crate::session::{Ended, Which};

/// The device is as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceChanged {}

impl Commands {
    pub async fn trust_device(
        &self,
        asked: &Asked,
        device: DeviceId,
    ) -> Result<Done<DeviceChanged>, CommandError> {
        let id = owner(asked)?.to_string();
        let answer = DeviceChanged {};
        self.execute::<Devices, _, _>(asked, &id, &TrustDevice { device }, answer).await
    }

    pub async fn distrust_device(
        &self,
        asked: &Asked,
        device: DeviceId,
    ) -> Result<Done<DeviceChanged>, CommandError> {
        let id = owner(asked)?.to_string();
        let answer = DeviceChanged {};
        self.execute::<Devices, _, _>(asked, &id, &DistrustDevice { device }, answer).await
    }

    /// Nobody comes in with it any more, and whoever has is out.
    pub async fn block_device(
        &self,
        asked: &Asked,
        device: DeviceId,
    ) -> Result<Done<Ended>, CommandError> {
        self.part_with(asked, device, &BlockDevice { device }).await
    }

    /// Whoever came in with it is out; should it come again, it is a new one.
    pub async fn forget_device(
        &self,
        asked: &Asked,
        device: DeviceId,
    ) -> Result<Done<Ended>, CommandError> {
        self.part_with(asked, device, &ForgetDevice { device }).await
    }

    async fn part_with<C: Command<Devices> + Sync>(
        &self,
        asked: &Asked,
        device: DeviceId,
        command: &C,
    ) -> Result<Done<Ended>, CommandError> {
        asked.must_be_allowed(C::REQUIRES)?;
        let user = owner(asked)?;
        self.once_stubbornly(asked, || async {
            let (devices, events) =
                self.decide::<Devices, _>(asked, &user.to_string(), command).await?;
            let commit = self.begin(asked).append(&devices, events);
            let (commit, sessions) = self
                .ending_of(asked, commit, user, Which::On(device), EndReason::DeviceGone)
                .await?;
            self.commit(asked, &Ended { sessions }, commit).await
        })
        .await
    }
}

fn owner(asked: &Asked) -> Result<UserId, CommandError> {
    asked.must_be_allowed(Permission::OWN_ACCOUNT)?;
    Ok(asked.context.actor.user().ok_or(UserError::Absent)?)
}
