//! The only source of now.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use domain::moment::Moment;

/// Tells the time. Handed to whoever needs it; nobody else asks the system.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Moment + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(system_now))
    }

    /// A clock that tells what it is told to tell.
    pub fn told_by(tell: impl Fn() -> Moment + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub fn now(&self) -> Moment {
        (self.0)()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock everybody else is sent to")]
fn system_now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::from_unix_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
