//! Guessing at mailed codes, by somebody who knows the password: many at once gain nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::killing::{events, of};
use crate::world::{Answer, Person, Server, World, until};

const VERIFY: &str = "/api/v1/auth/verify-otp";
const RESEND: &str = "/api/v1/auth/resend-otp";
const SETTINGS: &str = "/api/v1/tenants/1/settings";
const SUBJECT: &str = "Your sign-in code";
const TRIES: usize = 3;
const LETTERS_AN_HOUR: usize = 10;
const FAILURES_A_DAY: usize = 30;

/// A server whose people need a code, and somebody who came in before it was so.
async fn guarded(world: &World) -> (Server, Person) {
    let server = world.server().await;
    let isla = server.person("Isla").await;
    let keeper = server.administrator().await;
    keeper.put_json(SETTINGS, json!({ "otpLogin": true })).await.expect(200);
    (server, isla)
}

/// The codes that were mailed, newest first, once there are so many.
async fn codes(person: &Person, count: usize) -> Vec<String> {
    until(&format!("{count} codes come"), || async {
        let mails = person.mails().await;
        let of_codes = mails.iter().filter(|mail| mail["subject"] == SUBJECT);
        let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
        let code =
            |mail: &Value| mail["body"].as_str().unwrap().lines().find(is_code).map(str::to_owned);
        let codes: Vec<String> = of_codes.filter_map(code).collect();
        (codes.len() == count).then_some(codes)
    })
    .await
}

async fn verify(person: &Person, session: &Value, code: &str) -> Answer {
    person.post(VERIFY, json!({ "sessionId": session, "code": code })).await
}

/// So many guesses at once, none of them right. Gives how many answers there were of each kind.
async fn guess(
    person: &Person,
    session: &Value,
    right: &[String],
    count: usize,
) -> BTreeMap<String, usize> {
    let wrong = (0..1_000_000).map(|number| format!("{number:06}"));
    let wrong: Vec<String> = wrong.filter(|code| !right.contains(code)).take(count).collect();
    let guesses = wrong.iter().map(|code| verify(person, session, code));
    let mut kinds = BTreeMap::new();
    for answer in futures::future::join_all(guesses).await {
        assert_eq!(answer.status, 401, "{}", answer.body);
        *kinds.entry(answer.code().to_owned()).or_default() += 1;
    }
    kinds
}

async fn judged(world: &World, id: &str) -> usize {
    of(&events(world).await, "sign_in_codes.tried", id).count()
}

#[tokio::test]
async fn of_thirty_guesses_at_once_three_are_judged_and_the_right_code_comes_too_late() {
    let world = World::new().await;
    let (_server, isla) = guarded(&world).await;
    let id = isla.id().await;
    let asked = isla.login(&isla.password).await.expect(202);
    let session = asked.data()["sessionId"].clone();
    let right = codes(&isla, 1).await;

    let kinds = guess(&isla, &session, &right, 30).await;
    let told = BTreeMap::from([("OTP_INVALID".into(), 2), ("OTP_ATTEMPTS_EXCEEDED".into(), 28)]);
    assert_eq!(kinds, told);
    assert_eq!(judged(&world, &id).await, TRIES);
    let exceeded = "OTP_ATTEMPTS_EXCEEDED";
    verify(&isla, &session, &right[0]).await.refused(401, exceeded);

    // Other codes for the same sign-in do not help either, and there are three of them.
    let asking = (0..8).map(|_| isla.post(RESEND, json!({ "sessionId": session })));
    let answers = futures::future::join_all(asking).await;
    let (taken, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 202);
    assert_eq!(taken.len(), 3);
    for answer in refused {
        answer.refused(429, "RATE_LIMIT_EXCEEDED");
    }
    for code in codes(&isla, 4).await {
        verify(&isla, &session, &code).await.refused(401, exceeded);
    }
    assert_eq!(judged(&world, &id).await, TRIES);
    assert!(isla.get("/api/v1/users/me").await.status == 200, "whoever is in stays in");
}

#[tokio::test]
async fn all_sign_ins_of_one_account_together_are_guessed_at_thirty_times() {
    let world = World::new().await;
    let (_server, isla) = guarded(&world).await;
    let id = isla.id().await;
    let (mut letters, mut refused) = (0, None);
    while refused.is_none() {
        // As many as wait at once; whoever loses against another sign-in is told to come back.
        let entering = (0..3).map(|_| isla.login(&isla.password));
        let mut sessions = Vec::new();
        for answer in futures::future::join_all(entering).await {
            match answer.status.as_u16() {
                202 => sessions.push(answer.data()["sessionId"].clone()),
                409 => {}
                _ => refused = Some(answer),
            }
        }
        letters += sessions.len();
        let right = codes(&isla, letters).await;
        let guesses = sessions.iter().map(|session| guess(&isla, session, &right, 10));
        futures::future::join_all(guesses).await;
        assert!(judged(&world, &id).await <= FAILURES_A_DAY);
    }
    assert_eq!(letters, LETTERS_AN_HOUR);
    assert_eq!(judged(&world, &id).await, FAILURES_A_DAY);
    refused.unwrap();
    // Not today: neither another letter nor another guess.
    let asked = isla.login(&isla.password).await;
    asked.refused(401, "OTP_ATTEMPTS_EXCEEDED");
    assert_eq!(codes(&isla, letters).await.len(), LETTERS_AN_HOUR);
}
