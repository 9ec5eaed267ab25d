//! Which commands may have brought the events of a person's list of sessions about.

use super::{AddSession, RemoveSession, SignIns, SignInsEvent};
use crate::command::Decision;
use crate::id::UserId;
use crate::moment::Moment;
use crate::replay::Lawful;

impl Lawful for SignIns {
    fn causes(&self, event: &SignInsEvent, _: Option<UserId>) -> Vec<Decision<Self>> {
        vec![match event {
            SignInsEvent::SessionAdded { session, ends_at } => Decision::of(AddSession {
                session: *session,
                ends_at: *ends_at,
                now: Moment::from_unix_ms(0),
            }),
            SignInsEvent::SessionRemoved { session } => {
                Decision::of(RemoveSession { session: *session })
            }
        }]
    }
}
