//! Trusting a device: whoever signs in on it needs no mailed code.

use super::{Devices, DevicesError, DevicesEvent};
use crate::command::Command;
use crate::id::DeviceId;
use crate::permission::Permission;

pub struct TrustDevice {
    pub device: DeviceId,
}

impl Command<Devices> for TrustDevice {
    const REQUIRES: Permission = Permission::OWN_ACCOUNT;

    fn decide(&self, devices: &Devices) -> Result<Vec<DevicesEvent>, DevicesError> {
        let device = devices.device(self.device)?;
        match (device.blocked, device.trusted) {
            (true, _) => Err(DevicesError::Blocked),
            (false, true) => Ok(vec![]),
            (false, false) => Ok(vec![DevicesEvent::DeviceTrusted { device: self.device }]),
        }
    }
}

pub struct DistrustDevice {
    pub device: DeviceId,
}

impl Command<Devices> for DistrustDevice {
    const REQUIRES: Permission = Permission::OWN_ACCOUNT;

    fn decide(&self, devices: &Devices) -> Result<Vec<DevicesEvent>, DevicesError> {
        let trusted = devices.device(self.device)?.trusted;
        let distrusted = DevicesEvent::DeviceDistrusted { device: self.device };
        Ok(if trusted { vec![distrusted] } else { vec![] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    const DEVICE: DeviceId = DeviceId::new(1);

    #[test]
    fn trust_comes_and_goes_once() {
        let trusted = || DevicesEvent::DeviceTrusted { device: DEVICE };
        let story =
            |more: Vec<DevicesEvent>| given::<Devices>([vec![added(1, true)], more].concat());
        story(vec![]).when(TrustDevice { device: DEVICE }).then_expect_events(vec![trusted()]);
        story(vec![trusted()]).when(TrustDevice { device: DEVICE }).then_expect_events(vec![]);
        story(vec![trusted()])
            .when(DistrustDevice { device: DEVICE })
            .then_expect_events(vec![DevicesEvent::DeviceDistrusted { device: DEVICE }]);
        story(vec![]).when(DistrustDevice { device: DEVICE }).then_expect_events(vec![]);
    }

    #[test]
    fn blocking_ends_trust() {
        let trusted = DevicesEvent::DeviceTrusted { device: DEVICE };
        given::<Devices>(vec![added(1, true), trusted.clone(), blocked(1)])
            .when(DistrustDevice { device: DEVICE })
            .then_expect_events(vec![]);
        given::<Devices>(vec![added(1, true), blocked(1)])
            .when(TrustDevice { device: DEVICE })
            .then_expect_error(DevicesError::Blocked);
        given::<Devices>(vec![])
            .when(TrustDevice { device: DEVICE })
            .then_expect_error(DevicesError::Absent);
    }
}
