//! Telling somebody in time that their password will not be taken for much longer.

use std::time::Duration;

use super::{Account, User, UserError, UserEvent};
use crate::command::Command;
use crate::moment::Moment;
use crate::permission::Permission;

/// How long before.
pub const EXPIRY_NOTICE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub struct AnnounceExpiry {
    /// How long the tenant takes a password, if not for ever.
    pub life: Option<Duration>,
    pub now: Moment,
}

impl Account {
    /// Until when the password is taken.
    pub fn password_good_until(&self, life: Option<Duration>) -> Option<Moment> {
        Some(self.password_set_at?.plus(life?))
    }

    /// Refuses a password that has been in use for too long.
    pub fn password_must_be_good(
        &self,
        life: Option<Duration>,
        now: Moment,
    ) -> Result<(), UserError> {
        match self.password_good_until(life) {
            Some(until) if until <= now => Err(UserError::PasswordExpired),
            Some(_) | None => Ok(()),
        }
    }
}

impl Command<User> for AnnounceExpiry {
    const REQUIRES: Permission = Permission::PUBLIC;

    /// Once for each password, at a sign-in of the last week.
    fn decide(&self, user: &User) -> Result<Vec<UserEvent>, UserError> {
        let account = user.account()?;
        let soon = account
            .password_good_until(self.life)
            .filter(|until| self.now >= until.minus(EXPIRY_NOTICE) && self.now < *until);
        Ok(match soon {
            Some(until) if !account.expiry_announced => {
                vec![UserEvent::PasswordExpiryAnnounced { until }]
            }
            Some(_) | None => vec![],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    const DAY: i64 = 24 * 60 * 60 * 1_000;

    fn announce(day: i64) -> AnnounceExpiry {
        let life = Some(Duration::from_secs(90 * 24 * 60 * 60));
        AnnounceExpiry { life, now: Moment::from_unix_ms(day * DAY) }
    }

    #[test]
    fn once_in_the_last_week() {
        let announced =
            UserEvent::PasswordExpiryAnnounced { until: Moment::from_unix_ms(90 * DAY) };
        let story = |more: Vec<UserEvent>| given::<User>([settled(), more].concat());
        story(vec![]).when(announce(82)).then_expect_events(vec![]);
        story(vec![]).when(announce(83)).then_expect_events(vec![announced.clone()]);
        story(vec![]).when(announce(90)).then_expect_events(vec![]);
        story(vec![announced.clone()]).when(announce(84)).then_expect_events(vec![]);
        let changed = password_changed("new", 84 * DAY);
        story(vec![announced, changed]).when(announce(84)).then_expect_events(vec![]);
        let never = AnnounceExpiry { life: None, ..announce(84) };
        story(vec![]).when(never).then_expect_events(vec![]);
    }
}
