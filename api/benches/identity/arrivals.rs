//! The open loop: each class at its own constant rate, whatever the server makes of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep_until;

use crate::clients::Clients;
use crate::scale::{READS_PER_S, REFRESHES_PER_S, SIGN_INS_PER_S, SPAN, WARM_UP};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    SignIn,
    Refresh,
    Read,
}

impl Class {
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Refresh => "refresh",
            Self::Read => "read",
        }
    }
}

/// What came of one arrival: how long after its time it was answered, or why it was not.
pub type Outcome = Result<Duration, String>;

pub async fn arrivals(clients: &Arc<Clients>) -> BTreeMap<Class, Vec<Outcome>> {
    let start = tokio::time::Instant::now();
    let rates = [
        (Class::SignIn, SIGN_INS_PER_S),
        (Class::Refresh, REFRESHES_PER_S),
        (Class::Read, READS_PER_S),
    ];
    let classes = rates.map(|(class, per_s)| {
        let clients = Arc::clone(clients);
        async move {
            let gap = Duration::from_secs(1) / u32::try_from(per_s).unwrap();
            let mut under_way = Vec::new();
            for number in 0_usize.. {
                let after = gap * u32::try_from(number).unwrap();
                if after >= WARM_UP + SPAN {
                    break;
                }
                sleep_until(start + after).await;
                let (clients, due) = (Arc::clone(&clients), start + after);
                let asking = tokio::spawn(async move {
                    clients.ask(class, number).await.map(|()| due.elapsed())
                });
                if after >= WARM_UP {
                    under_way.push(asking);
                }
            }
            let outcomes = futures::future::join_all(under_way).await;
            (class, outcomes.into_iter().map(Result::unwrap).collect())
        }
    });
    futures::future::join_all(classes).await.into_iter().collect()
}
