//! Which commands may have brought the events of a person's devices about.

use super::{
    BlockDevice, Devices, DevicesEvent, DistrustDevice, ForgetDevice, RecogniseDevice, TrustDevice,
};
use crate::command::Decision;
use crate::id::UserId;
use crate::personal::Personal;
use crate::replay::Lawful;

impl Lawful for Devices {
    fn causes(&self, event: &DevicesEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        // Stands for what is sealed.
        let sealed = |text: &Option<Personal<String>>| text.as_ref().map(|_| String::new());
        vec![match event {
            DevicesEvent::DeviceAdded {
                device, recognised_by, name, user_agent, address, ..
            } => Decision::of(RecogniseDevice {
                user: UserId::new(0),
                shown: None,
                recognised_by: recognised_by.clone(),
                new: *device,
                name: sealed(name),
                user_agent: sealed(user_agent),
                address: sealed(address),
            }),
            DevicesEvent::DeviceTrusted { device } => Decision::of(TrustDevice { device: *device }),
            DevicesEvent::DeviceDistrusted { device } => {
                Decision::of(DistrustDevice { device: *device })
            }
            DevicesEvent::DeviceBlocked { device } => Decision::of(BlockDevice { device: *device }),
            DevicesEvent::DeviceForgotten { device } => {
                Decision::of(ForgetDevice { device: *device })
            }
        }]
    }
}
