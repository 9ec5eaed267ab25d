//! Recognising the device of a sign-in, or taking note of a new one.

use super::{Device, Devices, DevicesError, DevicesEvent};
use crate::command::Command;
use crate::id::{DeviceId, UserId};
use crate::permission::Permission;
use crate::personal::{Personal, Purpose};

/// How many devices of a person are remembered.
pub const DEVICES_KEPT: usize = 20;

pub struct RecogniseDevice {
    pub user: UserId,
    /// The device its own token named, if it showed one.
    pub shown: Option<DeviceId>,
    pub recognised_by: String,
    /// Its id if it is new.
    pub new: DeviceId,
    pub name: Option<String>,
    pub user_agent: Option<String>,
    pub address: Option<String>,
}

impl RecogniseDevice {
    /// The device, if it is known: by its token, or by what it says of itself.
    pub fn known<'a>(&self, devices: &'a Devices) -> Option<&'a Device> {
        self.shown
            .and_then(|shown| devices.device(shown).ok())
            .or_else(|| devices.all().find(|it| it.recognised_by == self.recognised_by))
    }

    fn added(&self, first: bool) -> DevicesEvent {
        let secure = |text: &String| Personal::new(self.user, Purpose::Security, text.clone());
        DevicesEvent::DeviceAdded {
            device: self.new,
            recognised_by: self.recognised_by.clone(),
            name: self.name.as_ref().map(secure),
            user_agent: self.user_agent.as_ref().map(secure),
            address: self.address.as_ref().map(secure),
            first,
        }
    }
}

impl Command<Devices> for RecogniseDevice {
    const REQUIRES: Permission = Permission::PUBLIC;

    /// No event: it is known. One that is blocked stays blocked under another token, too.
    fn decide(&self, devices: &Devices) -> Result<Vec<DevicesEvent>, DevicesError> {
        let same = |it: &&Device| it.recognised_by == self.recognised_by;
        if devices.all().filter(same).any(|it| it.blocked) {
            return Err(DevicesError::Blocked);
        }
        match self.known(devices) {
            Some(device) if device.blocked => Err(DevicesError::Blocked),
            Some(_) => Ok(vec![]),
            None => {
                let mut events = Vec::new();
                if devices.all().count() >= DEVICES_KEPT {
                    // A blocked one that made room would come back as a new one.
                    let oldest =
                        devices.all().find(|it| !it.blocked).ok_or(DevicesError::Blocked)?;
                    events.push(DevicesEvent::DeviceForgotten { device: oldest.id });
                }
                events.push(self.added(devices.all().next().is_none()));
                Ok(events)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::{Given, given};

    fn from(shown: Option<i64>, digest: i64, new: i64) -> RecogniseDevice {
        RecogniseDevice {
            user: MOIRA,
            shown: shown.map(DeviceId::new),
            recognised_by: format!("digest {digest}"),
            new: DeviceId::new(new),
            name: Some("Moira's telephone".into()),
            user_agent: Some("Firefox".into()),
            address: Some("203.0.113.7".into()),
        }
    }

    fn story(events: Vec<DevicesEvent>) -> Given<Devices> {
        given(events)
    }

    #[test]
    fn the_first_is_expected_and_the_second_is_new() {
        story(vec![]).when(from(None, 1, 1)).then_expect_events(vec![added(1, true)]);
        story(vec![added(1, true)])
            .when(from(None, 2, 2))
            .then_expect_events(vec![added(2, false)]);
    }

    #[test]
    fn a_device_is_known_by_its_token_or_by_its_look() {
        let one = || story(vec![added(1, true)]);
        one().when(from(None, 1, 9)).then_expect_events(vec![]);
        // Its browser was brought up to date.
        one().when(from(Some(1), 77, 9)).then_expect_events(vec![]);
        // A token of a device that was forgotten says nothing.
        one().when(from(Some(5), 9, 9)).then_expect_events(vec![added(9, false)]);
    }

    #[test]
    fn what_is_blocked_stays_blocked() {
        let two = || story(vec![added(1, true), blocked(1), added(2, false)]);
        two().when(from(None, 1, 9)).then_expect_error(DevicesError::Blocked);
        two().when(from(Some(1), 77, 9)).then_expect_error(DevicesError::Blocked);
        two().when(from(Some(2), 1, 9)).then_expect_error(DevicesError::Blocked);
        two().when(from(Some(2), 2, 9)).then_expect_events(vec![]);
    }

    #[test]
    fn the_oldest_makes_room_and_no_blocked_one_does() {
        let kept = i64::try_from(DEVICES_KEPT).unwrap();
        let mut many: Vec<_> = (1..=kept).map(|device| added(device, device == 1)).collect();
        many.push(blocked(1));
        story(many)
            .when(from(None, 99, 99))
            .then_expect_events(vec![forgotten(2), added(99, false)]);
    }
}
