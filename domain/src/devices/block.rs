//! Blocking a device: nobody comes in with it, whatever they know.

use super::{Devices, DevicesError, DevicesEvent};
use crate::command::Command;
use crate::id::DeviceId;
use crate::permission::Permission;

pub struct BlockDevice {
    pub device: DeviceId,
}

impl Command<Devices> for BlockDevice {
    const REQUIRES: Permission = Permission::OWN_ACCOUNT;

    /// Its sessions have to end with the same commit.
    fn decide(&self, devices: &Devices) -> Result<Vec<DevicesEvent>, DevicesError> {
        let blocked = devices.device(self.device)?.blocked;
        let block = DevicesEvent::DeviceBlocked { device: self.device };
        Ok(if blocked { vec![] } else { vec![block] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn a_device_is_blocked_once() {
        let block = || BlockDevice { device: DeviceId::new(1) };
        given::<Devices>(vec![added(1, true)]).when(block()).then_expect_events(vec![blocked(1)]);
        given::<Devices>(vec![added(1, true), blocked(1)]).when(block()).then_expect_events(vec![]);
        given::<Devices>(vec![]).when(block()).then_expect_error(DevicesError::Absent);
    }
}
