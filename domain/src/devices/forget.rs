//! Forgetting a device. Should it come again, it is a new one, also if it was blocked.

use super::{Devices, DevicesError, DevicesEvent};
use crate::command::Command;
use crate::id::DeviceId;
use crate::permission::Permission;

pub struct ForgetDevice {
    pub device: DeviceId,
}

impl Command<Devices> for ForgetDevice {
    const REQUIRES: Permission = Permission::OWN_ACCOUNT;

    /// Its sessions have to end with the same commit.
    fn decide(&self, devices: &Devices) -> Result<Vec<DevicesEvent>, DevicesError> {
        devices.device(self.device)?;
        Ok(vec![DevicesEvent::DeviceForgotten { device: self.device }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn a_device_is_forgotten_once() {
        let forget = || ForgetDevice { device: DeviceId::new(1) };
        given::<Devices>(vec![added(1, true)])
            .when(forget())
            .then_expect_events(vec![forgotten(1)]);
        given::<Devices>(vec![added(1, true), forgotten(1)])
            .when(forget())
            .then_expect_error(DevicesError::Absent);
    }
}
