//! The store behind `cqrs-es`: frameworks in two processes command one aggregate.

use std::collections::HashMap;

use cqrs_es::{AggregateError, CqrsFramework, EventStore};
use domain::command::{Command, Decision};
use domain::permission::Permission;
use domain::tenant::{CreateTenant, Tenant, TenantError, TenantEvent};
use eventstore::cqrs::Streams;

use super::content::sound_log;
use super::servers::{Process, TENANT, database};

/// A command that always has something to record.
struct NameAgain;

impl Command<Tenant> for NameAgain {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, _: &Tenant) -> Result<Vec<TenantEvent>, TenantError> {
        Ok(vec![TenantEvent::TenantCreated { name: "Islay Casks".into() }])
    }
}

fn streams(process: &Process) -> Streams {
    Streams { store: process.store.clone(), context: process.context.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_frameworks_command_one_aggregate() {
    let database = database().await;
    let processes = [Process::start(&database.url), Process::start(&database.url)];
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let streams = streams(&processes[number % 2]);
            tokio::spawn(async move {
                let framework = CqrsFramework::<Tenant, _>::new(streams, vec![], ());
                let (mut done, mut lost) = (0, 0);
                while done < 5 {
                    match framework.execute("7", Decision::of(NameAgain)).await {
                        Ok(()) => done += 1,
                        Err(AggregateError::AggregateConflict) => lost += 1,
                        Err(error) => panic!("{error}"),
                    }
                }
                lost
            })
        })
        .collect();
    let mut lost = 0;
    for task in tasks {
        lost += task.await.unwrap();
    }
    assert!(lost > 0, "nobody ever got in anybody's way");
    assert_eq!(sound_log(&mut database.owner().await).await.len(), 16 * 5);
    let events = EventStore::<Tenant>::load_events(&streams(&processes[0]), "7").await.unwrap();
    assert_eq!(events.len(), 16 * 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_who_saw_the_same_is_told_of_the_conflict() {
    let database = database().await;
    let (one, other) = (Process::start(&database.url), Process::start(&database.url));
    let (one, other) = (streams(&one), streams(&other));
    let first = EventStore::<Tenant>::load_aggregate(&one, "7").await.unwrap();
    let second = EventStore::<Tenant>::load_aggregate(&other, "7").await.unwrap();
    let events = NameAgain.decide(&Tenant::Absent).unwrap();
    let stored = one.commit(events.clone(), first, HashMap::new()).await.unwrap();
    assert_eq!((stored.len(), stored[0].sequence), (1, 1));
    let lost = other.commit(events, second, HashMap::new()).await;
    assert!(matches!(lost, Err(AggregateError::AggregateConflict)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_comes_through_as_the_domain_gave_it() {
    let database = database().await;
    let process = Process::start(&database.url);
    let framework = CqrsFramework::<Tenant, _>::new(streams(&process), vec![], ());
    let create = || Decision::of(CreateTenant { name: "Islay Casks".into() });
    framework.execute("7", create()).await.unwrap();
    let again = framework.execute("7", create()).await;
    assert!(matches!(again, Err(AggregateError::UserError(TenantError::Exists))));
    assert_eq!(process.store.load::<Tenant>(TENANT, "7").await.unwrap().sequence, 1);
}
