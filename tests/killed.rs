//! kill -9 in the middle of what must be whole: erasing somebody, a new password, a sign-in.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::killing::{events, killed_at, of};
use crate::world::{Answer, Person, Server, World, until};

const ME: &str = "/api/v1/users/me";
const LOGIN: &str = "/api/v1/auth/login";
const FORGOT: &str = "/api/v1/auth/password/forgot";
const RESET: &str = "/api/v1/auth/password/reset";
const NEW: &str = "Tidal&Harbour2031";
const PEOPLE: usize = 10;
/// At which of their events the server is killed, round for round.
const MOMENTS: [usize; 5] = [1, 3, 5, 7, 9];

async fn people(server: &Server) -> Vec<Person> {
    let people = (0..PEOPLE).map(|_| server.person("Isla"));
    futures::future::join_all(people).await
}

async fn ids(people: &[Person]) -> Vec<String> {
    futures::future::join_all(people.iter().map(Person::id)).await
}

/// The sessions of somebody that were opened and have not ended.
fn open_sessions(events: &[Value], user: &str) -> BTreeSet<String> {
    let opened = events.iter().filter(|event| event["type"] == "session.opened");
    let theirs = opened.filter(|event| event["data"]["user"] == user);
    let sessions = theirs.map(|event| event["aggregateId"].as_str().unwrap().to_owned());
    sessions.filter(|session| of(events, "session.revoked", session).next().is_none()).collect()
}

/// The sessions on somebody's list.
fn listed_sessions(events: &[Value], user: &str) -> BTreeSet<String> {
    let text = |event: &Value| event["data"]["session"].as_str().unwrap().to_owned();
    let mut listed: BTreeSet<String> =
        of(events, "sign_ins.session_added", user).map(text).collect();
    for event in of(events, "sign_ins.session_removed", user) {
        listed.remove(&text(event));
    }
    listed
}

async fn count(database: &sqlx::PgPool, table: &str, condition: &str, id: &str) -> i64 {
    let sql = format!("select count(*) from {table} where {condition}");
    let (rows,): (i64,) = sqlx::query_as(&sql).bind(id).fetch_one(database).await.unwrap();
    rows
}

/// What must be gone with the event, and what follows it.
const AT_ONCE: [(&str, &str); 3] = [
    ("eventstore.vault", "subject = $1::bigint"),
    ("eventstore.vault_keys", "subject = $1::bigint"),
    ("eventstore.claims", "holder = $1"),
];
const SOON: [(&str, &str); 4] = [
    ("read_users.users", "user_id = $1::bigint and status <> 'ERASED'"),
    ("read_users.users", "user_id = $1::bigint and (email is not null or full_name is not null)"),
    ("read_sessions.sessions", "user_id = $1::bigint and address is not null"),
    ("read_login_history.login_history", "user_id = $1::bigint and address is not null"),
];

#[tokio::test]
async fn killed_while_people_are_erased() {
    let world = World::new().await;
    let database = world.database().await;
    let mut server = world.server().await;
    let (mut whole, mut gone) = (0, 0);
    for moment in MOMENTS {
        let people = people(&server).await;
        let ids = ids(&people).await;
        let erase = |person: &Person| {
            person.request(Method::DELETE, ME).json(&json!({ "password": person.password }))
        };
        let asked = people.iter().map(erase).collect();
        let answers = killed_at(&world, ("user.erased", moment), server, asked).await;
        server = world.server().await;
        let log = events(&world).await;
        for ((person, id), answer) in people.iter().zip(&ids).zip(answers) {
            let person = person.at(&server.url);
            if of(&log, "user.erased", id).next().is_none() {
                assert!(answer.is_none(), "it was said that {id} is erased");
                for (table, condition) in AT_ONCE {
                    assert!(count(&database, table, condition, id).await > 0, "{table}");
                }
                person.get(ME).await.expect(200);
                person.login(&person.password).await.expect(200);
                Answer::of(erase(&person)).await.expect(200);
                whole += 1;
            } else {
                gone += 1;
            }
            for (table, condition) in AT_ONCE {
                assert_eq!(count(&database, table, condition, id).await, 0, "{table}");
            }
            let log = events(&world).await;
            assert_eq!(of(&log, "user.erased", id).count(), 1);
            assert_eq!(open_sessions(&log, id), BTreeSet::new());
            assert_eq!(listed_sessions(&log, id), BTreeSet::new());
            for (table, condition) in SOON {
                until(&format!("{table} knows {id} no more"), || async {
                    (count(&database, table, condition, id).await == 0).then_some(())
                })
                .await;
            }
            until("the session is over", || async {
                (person.get(ME).await.status == 401).then_some(())
            })
            .await;
            person.refresh(&person.refresh_token).await.refused(401, "REFRESH_TOKEN_REVOKED");
            person.login(&person.password).await.refused(401, "INVALID_CREDENTIALS");
        }
    }
    assert!(whole > 0 && gone > 0, "killed too early or too late: {whole} whole, {gone} gone");
    world.stream_equals_log().await;
}

#[tokio::test]
async fn killed_while_passwords_are_set_anew() {
    let world = World::new().await;
    let mut server = world.server().await;
    let (mut old, mut new) = (0, 0);
    for moment in MOMENTS {
        let people = people(&server).await;
        let ids = ids(&people).await;
        let mut resets = Vec::new();
        for person in &people {
            person.post(FORGOT, json!({ "email": person.email })).await.expect(202);
            let letter = person.mail("A new password").await;
            let is_token = |line: &&str| line.len() > 60 && !line.contains(' ');
            let token = letter.lines().find(is_token).unwrap();
            resets.push(json!({ "token": token, "password": NEW }));
        }
        let asked = people.iter().zip(&resets);
        let asked = asked.map(|(person, reset)| person.request(Method::POST, RESET).json(reset));
        let event = ("user.password_reset", moment);
        let answers = killed_at(&world, event, server, asked.collect()).await;
        server = world.server().await;
        let everybody = people.iter().zip(&ids).zip(&resets).zip(answers);
        for (((person, id), reset), answer) in everybody {
            let person = person.at(&server.url);
            let log = events(&world).await;
            let was_set = person.login(&person.password).await.status == 401;
            if was_set {
                assert_eq!(open_sessions(&log, id), BTreeSet::new());
                assert_eq!(listed_sessions(&log, id), BTreeSet::new());
                new += 1;
            } else {
                assert!(answer.is_none(), "it was said that {id} has a new password");
                // The one before the kill and the one just now.
                person.post(RESET, reset.clone()).await.expect(200);
                old += 1;
            }
            person.refresh(&person.refresh_token).await.refused(401, "REFRESH_TOKEN_REVOKED");
            person.post(RESET, reset.clone()).await.refused(409, "TOKEN_ALREADY_USED");
            person.login(&person.password).await.refused(401, "INVALID_CREDENTIALS");
            person.login(NEW).await.expect(200);
            let log = events(&world).await;
            assert_eq!(of(&log, "user.password_reset", id).count(), 1);
            assert_eq!(open_sessions(&log, id).len(), 1);
        }
    }
    assert!(old > 0 && new > 0, "killed too early or too late: {old} old, {new} new");
}

#[tokio::test]
async fn killed_while_people_sign_in() {
    const AT_ONCE: usize = 4;
    let world = World::new().await;
    let mut server = world.server().await;
    let mut isla = server.person("Isla").await;
    let id = isla.id().await;
    let (mut before, mut after) = (0, 0);
    for (round, moment) in [1, 2, 1, 2, 1, 2].into_iter().enumerate() {
        let sign_in = |isla: &Person, number: usize| {
            let body = json!({ "identifier": isla.email, "password": isla.password });
            let key = format!("{round}-{number}");
            isla.request(Method::POST, LOGIN).json(&body).header("Idempotency-Key", key)
        };
        let opened = |log: &[Value]| {
            let opened = log.iter().filter(|event| event["type"] == "session.opened");
            opened.filter(|event| event["data"]["user"] == id.as_str()).count()
        };
        let opened_before = opened(&events(&world).await);
        let asked = (0..AT_ONCE).map(|number| sign_in(&isla, number)).collect();
        let answers = killed_at(&world, ("session.opened", moment), server, asked).await;
        server = world.server().await;
        isla = isla.at(&server.url);
        let log = events(&world).await;
        assert_eq!(open_sessions(&log, &id), listed_sessions(&log, &id));
        for (number, answer) in answers.into_iter().enumerate() {
            let again = Answer::of(sign_in(&isla, number)).await.expect(200);
            let once_more = Answer::of(sign_in(&isla, number)).await.expect(200);
            let session = &again.data()["sessionId"];
            assert_eq!(session, &once_more.data()["sessionId"]);
            assert_eq!(once_more.header("idempotency-replayed"), "true");
            let replayed = again.header("idempotency-replayed") == "true";
            // Whoever lost against the others was told to come back.
            if let Some(answer) = answer.filter(|answer| answer.status == 200) {
                assert!(replayed);
                assert_eq!(&answer.data()["sessionId"], session);
            }
            if replayed {
                before += 1
            } else {
                after += 1
            }
            isla.keep(&again);
            isla.get(ME).await.expect(200);
        }
        let log = events(&world).await;
        assert_eq!(opened(&log) - opened_before, AT_ONCE, "somebody was signed in twice");
        let open = open_sessions(&log, &id);
        assert_eq!(open, listed_sessions(&log, &id));
        assert!(open.len() <= 5, "{open:?}");
        until("the sessions that are shown are those that are open", || async {
            let list = isla.get("/api/v1/auth/sessions").await.expect(200);
            let shown = list.data().as_array().unwrap().iter();
            let shown: BTreeSet<_> =
                shown.map(|one| one["id"].as_str().unwrap().to_owned()).collect();
            (shown == open).then_some(())
        })
        .await;
    }
    assert!(
        before > 0 && after > 0,
        "killed too early or too late: {before} before, {after} after"
    );
}
