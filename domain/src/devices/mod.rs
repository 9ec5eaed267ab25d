//! Devices: what one person has signed in with. Its id is the person's.

mod block;
mod forget;
mod lawful;
mod recognise;
mod trust;

pub use block::BlockDevice;
pub use forget::ForgetDevice;
pub use recognise::{DEVICES_KEPT, RecogniseDevice};
use serde::{Deserialize, Serialize};
use thiserror::Error;
pub use trust::{DistrustDevice, TrustDevice};

use crate::command::aggregate;
use crate::event::events;
use crate::id::DeviceId;
use crate::personal::Personal;
use crate::refusal::{Kind, Refusal};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devices {
    /// Oldest first.
    devices: Vec<Device>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub id: DeviceId,
    /// A keyed digest of fingerprint and user agent.
    recognised_by: String,
    pub trusted: bool,
    pub blocked: bool,
}

events! {
    #[expect(clippy::large_enum_variant, reason = "events are handled one by one, not stored in bulk")]
    pub enum DevicesEvent {
        DeviceAdded = "devices.device_added" v 1 {
            device: DeviceId,
            recognised_by: String,
            /// What its owner calls it.
            name: Option<Personal<String>>,
            user_agent: Option<Personal<String>>,
            address: Option<Personal<String>>,
            /// The very first is expected; of every other one the owner is told.
            first: bool,
        },
        /// Its sign-ins need no mailed code.
        DeviceTrusted = "devices.device_trusted" v 1 { device: DeviceId },
        DeviceDistrusted = "devices.device_distrusted" v 1 { device: DeviceId },
        DeviceBlocked = "devices.device_blocked" v 1 { device: DeviceId },
        /// By its owner, or because there were too many and it was the oldest.
        DeviceForgotten = "devices.device_forgotten" v 1 { device: DeviceId },
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum DevicesError {
    #[error("there is no such device")]
    Absent,
    #[error("the device is blocked")]
    Blocked,
}

impl Refusal for DevicesError {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::Absent,
            Self::Blocked => Kind::Forbidden,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Absent => "NOT_FOUND",
            Self::Blocked => "DEVICE_BLOCKED",
        }
    }
}

impl Devices {
    fn fold(&mut self, event: DevicesEvent) {
        match event {
            DevicesEvent::DeviceAdded { device, recognised_by, .. } => {
                let new = Device { id: device, recognised_by, trusted: false, blocked: false };
                self.devices.push(new);
            }
            DevicesEvent::DeviceTrusted { device } => self.set(device, |it| it.trusted = true),
            DevicesEvent::DeviceDistrusted { device } => self.set(device, |it| it.trusted = false),
            DevicesEvent::DeviceBlocked { device } => self.set(device, |it| {
                it.blocked = true;
                it.trusted = false;
            }),
            DevicesEvent::DeviceForgotten { device } => self.devices.retain(|it| it.id != device),
        }
    }

    fn set(&mut self, device: DeviceId, change: impl Fn(&mut Device)) {
        self.devices.iter_mut().filter(|it| it.id == device).for_each(change);
    }

    /// One of them.
    pub fn device(&self, device: DeviceId) -> Result<&Device, DevicesError> {
        self.devices.iter().find(|it| it.id == device).ok_or(DevicesError::Absent)
    }

    /// All of them, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter()
    }
}

aggregate!(Devices, "devices", DevicesEvent, DevicesError, snapshot 1);

#[cfg(test)]
pub(crate) mod samples {
    //! Devices of one person.

    use super::*;
    use crate::id::UserId;
    use crate::personal::Purpose;

    pub const MOIRA: UserId = UserId::new(7_204_001);

    pub fn text(text: &str) -> Option<Personal<String>> {
        Some(Personal::new(MOIRA, Purpose::Security, text.to_owned()))
    }

    pub fn added(device: i64, first: bool) -> DevicesEvent {
        DevicesEvent::DeviceAdded {
            device: DeviceId::new(device),
            recognised_by: format!("digest {device}"),
            name: text("Moira's telephone"),
            user_agent: text("Firefox"),
            address: text("203.0.113.7"),
            first,
        }
    }

    pub fn blocked(device: i64) -> DevicesEvent {
        DevicesEvent::DeviceBlocked { device: DeviceId::new(device) }
    }

    pub fn forgotten(device: i64) -> DevicesEvent {
        DevicesEvent::DeviceForgotten { device: DeviceId::new(device) }
    }
}
