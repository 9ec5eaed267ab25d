//! A person's own devices.

use commands::Commands;
use domain::id::DeviceId;
use domain::permission::Actor;
use poem_openapi::param::{Header, Path};
use poem_openapi::{Object, OpenApi};
use projections::devices::DeviceRow;
use projections::{Projection, Readers, devices};

use super::tokens::SignedOut;
use super::{Tag, written};
use crate::http::asking::{self, Headers};
use crate::http::authentication::Caller;
use crate::http::envelope::Found;
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;
use crate::http::reading::caught_up;

pub struct Devices {
    pub commands: Commands,
    pub readers: Readers,
}

/// Something I signed in with.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct Device {
    id: String,
    name: Option<String>,
    user_agent: Option<String>,
    /// Of the last sign-in.
    address: Option<String>,
    /// Signs in without a mailed code, as long as it shows its token.
    trusted: bool,
    blocked: bool,
    added_at: String,
    /// When I last signed in with it.
    seen_at: String,
}

impl From<DeviceRow> for Device {
    fn from(row: DeviceRow) -> Self {
        Self {
            id: row.device_id.to_string(),
            name: row.name,
            user_agent: row.user_agent,
            address: row.address,
            trusted: row.trusted,
            blocked: row.blocked,
            added_at: written(row.added_at),
            seen_at: written(row.seen_at),
        }
    }
}

/// Whether the device is trusted now.
#[derive(Object)]
struct Trust {
    trusted: bool,
}

#[OpenApi(tag = "Tag::Auth")]
impl Devices {
    /// My devices, the one used last first
    #[oai(path = "/auth/devices", method = "get", operation_id = "devices")]
    async fn devices(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
    ) -> Result<Found<Vec<Device>>, Problem> {
        caught_up(&self.readers, devices::Devices::NAME, min_position.0).await?;
        let actor = caller.0;
        let user = actor.user().ok_or_else(|| Problem::new(ErrorCode::Unauthorized))?;
        let rows = self.readers.devices_of(actor.tenant(), user).await?;
        Ok(Found::new(rows.into_iter().map(Device::from).collect()))
    }

    /// Trust a device: no mailed code there
    #[oai(path = "/auth/devices/:id/trust", method = "put", operation_id = "trust_device")]
    async fn trust_device(
        &self,
        caller: Caller,
        id: Path<String>,
    ) -> Result<Found<Trust>, Problem> {
        let asked = asked(caller.0)?;
        let done = self.commands.trust_device(&asked, device(&id.0)?).await?;
        Ok(Found::new(Trust { trusted: true }).done(&done))
    }

    /// Trust a device no longer
    #[oai(path = "/auth/devices/:id/trust", method = "delete", operation_id = "distrust_device")]
    async fn distrust_device(
        &self,
        caller: Caller,
        id: Path<String>,
    ) -> Result<Found<Trust>, Problem> {
        let asked = asked(caller.0)?;
        let done = self.commands.distrust_device(&asked, device(&id.0)?).await?;
        Ok(Found::new(Trust { trusted: false }).done(&done))
    }

    /// Block a device
    ///
    /// Its sessions end, and nobody signs in with it, whatever they know.
    #[oai(path = "/auth/devices/:id/block", method = "put", operation_id = "block_device")]
    async fn block_device(
        &self,
        caller: Caller,
        id: Path<String>,
    ) -> Result<Found<SignedOut>, Problem> {
        let asked = asked(caller.0)?;
        let done = self.commands.block_device(&asked, device(&id.0)?).await?;
        Ok(Found::new(SignedOut::of(done.answer.sessions)).done(&done))
    }

    /// Forget a device
    ///
    /// Its sessions end. Should it come again, it is a new one, also if it was blocked.
    #[oai(path = "/auth/devices/:id", method = "delete", operation_id = "forget_device")]
    async fn forget_device(
        &self,
        caller: Caller,
        id: Path<String>,
    ) -> Result<Found<SignedOut>, Problem> {
        let asked = asked(caller.0)?;
        let done = self.commands.forget_device(&asked, device(&id.0)?).await?;
        Ok(Found::new(SignedOut::of(done.answer.sessions)).done(&done))
    }
}

fn asked(actor: Actor) -> Result<commands::Asked, Problem> {
    asking::asked(actor, Headers::default(), Vec::new())
}

/// What is no id is no device either.
fn device(id: &str) -> Result<DeviceId, Problem> {
    id.parse().map_err(|_| Problem::new(ErrorCode::NotFound))
}
