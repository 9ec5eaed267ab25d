//! Passwords: wrong ones, forgotten ones, new ones, and the doors they open.

use serde_json::{Value, json};

use crate::world::{Answer, Person, World, calm, until};

const ME: &str = "/api/v1/users/me";
const FORGOT: &str = "/api/v1/auth/password/forgot";
const RESET: &str = "/api/v1/auth/password/reset";
const NEW: &str = "Tidal&Harbour2031";

/// What an answer says, without what is different each time.
fn said(answer: &Answer) -> Value {
    let mut body = answer.body.clone();
    body["metadata"] = Value::Null;
    for name in ["requestId", "timestamp"] {
        body["error"][name] = Value::Null;
    }
    if !body["error"]["details"]["lockedUntil"].is_null() {
        body["error"]["details"]["lockedUntil"] = json!("some time");
    }
    json!({ "status": answer.status.as_u16(), "body": body })
}

/// The token in the newest letter about a new password.
async fn token(person: &Person) -> String {
    let letter = person.mail("A new password").await;
    letter.lines().find(|line| line.len() > 60 && !line.contains(' ')).unwrap().to_owned()
}

#[tokio::test]
async fn five_wrong_passwords_lock_and_nobody_learns_whether_there_is_an_account() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let nobody = server.visitor();
    let unverified = server.visitor();
    let registration = unverified.registration("Finlay");
    unverified.post("/api/v1/auth/register", registration).await.expect(201);

    for left in (0..5).rev() {
        let known = isla.login("Wrong&Smoke1994").await;
        let unknown = nobody.login("Wrong&Smoke1994").await;
        let pending = unverified.login("Wrong&Smoke1994").await;
        assert_eq!(said(&known), said(&unknown));
        assert_eq!(said(&known), said(&pending));
        assert_eq!(known.body["error"]["details"]["attemptsRemaining"], left);
        if left == 0 {
            known.refused(423, "ACCOUNT_LOCKED");
        } else {
            known.refused(401, "INVALID_CREDENTIALS");
        }
    }
    // The right password does not open it, nor does asking on make it longer.
    let locked = isla.login(&isla.password).await.refused(423, "ACCOUNT_LOCKED");
    let until_then = locked.body["error"]["details"]["lockedUntil"].clone();
    let again = isla.login("Wrong&Smoke1994").await.refused(423, "ACCOUNT_LOCKED");
    assert_eq!(again.body["error"]["details"]["lockedUntil"], until_then);
    isla.mail("Your account is locked for a while").await;
    // Whoever is in stays in.
    isla.get(ME).await.expect(200);

    let keeper = server.administrator().await;
    let lock = format!("/api/v1/users/{}/lock", isla.id().await);
    isla.delete(&lock).await.refused(403, "PERMISSION_DENIED");
    keeper.delete(&lock).await.expect(200);
    isla.login(&isla.password).await.expect(200);

    keeper.put(&lock).await.expect(200);
    isla.login(&isla.password).await.refused(423, "ACCOUNT_LOCKED");
}

#[tokio::test]
async fn guessing_many_at_once_gains_nothing() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let (mut judged, mut locked) = (0, false);
    // Who loses against another guess is told to come back (409) and has learnt nothing; so it may
    // take more than one round until the door is shut.
    while !locked {
        let guesses = futures::future::join_all((0..30).map(|_| isla.login("Wrong&Smoke1994")));
        for answer in guesses.await {
            judged += usize::from(answer.code() == "INVALID_CREDENTIALS");
            locked |= answer.code() == "ACCOUNT_LOCKED";
        }
    }
    assert!(judged <= 4, "{judged} passwords were judged");
    isla.login(&isla.password).await.refused(423, "ACCOUNT_LOCKED");
}

#[tokio::test]
async fn a_forgotten_password_is_set_again_by_mail() {
    let server = &calm().await.server;
    let mut isla = server.person("Isla").await;
    let nobody = server.visitor();
    let asked = isla.post(FORGOT, json!({ "email": isla.email })).await.expect(202);
    let unknown = nobody.post(FORGOT, json!({ "email": nobody.email })).await.expect(202);
    assert_eq!(said(&asked), said(&unknown));
    let token = token(&isla).await;

    let set = |password: &str| json!({ "token": token, "password": password });
    isla.post(RESET, set("short")).await.refused(400, "VALIDATION_ERROR");
    isla.post(RESET, set(&isla.password)).await.refused(400, "PASSWORD_REUSE");
    let mut forged = set(NEW);
    forged["token"] = json!(format!("{}x", token));
    isla.post(RESET, forged).await.refused(401, "TOKEN_INVALID");
    let done = isla.post(RESET, set(NEW)).await.expect(200);
    assert_eq!(done.data()["endedSessions"], 1);
    isla.post(RESET, set(NEW)).await.refused(409, "TOKEN_ALREADY_USED");

    until("whoever was in is out", || async { (isla.get(ME).await.status == 401).then_some(()) })
        .await;
    isla.login(&isla.password).await.refused(401, "INVALID_CREDENTIALS");
    isla.password = NEW.to_owned();
    isla.signed_in().await.get(ME).await.expect(200);
}

#[tokio::test]
async fn a_letter_box_is_not_filled() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    for _ in 0..6 {
        isla.post(FORGOT, json!({ "email": isla.email })).await.expect(202);
    }
    // Whatever is asked for later is mailed later, so when this has come, all others have.
    let finlay = server.person("Finlay").await;
    finlay.post(FORGOT, json!({ "email": finlay.email })).await.expect(202);
    token(&finlay).await;
    let letters = isla.mails().await;
    assert_eq!(letters.iter().filter(|mail| mail["subject"] == "A new password").count(), 3);
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it_and_other_sessions_end() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let other = isla.clone().signed_in().await;
    let path = "/api/v1/users/me/password";
    let change =
        |current: &str, new: &str| json!({ "currentPassword": current, "newPassword": new });

    let wrong = change("Wrong&Smoke1994", NEW);
    isla.put_json(path, wrong).await.refused(401, "INVALID_CREDENTIALS");
    let own_name = change(&isla.password, &format!("{}A1", isla.email));
    isla.put_json(path, own_name).await.refused(400, "WEAK_PASSWORD");
    let same = change(&isla.password, &isla.password);
    isla.put_json(path, same).await.refused(400, "PASSWORD_REUSE");
    let done = isla.put_json(path, change(&isla.password, NEW)).await.expect(200);
    assert_eq!(done.data()["endedSessions"], 1);

    until("the other session is over", || async {
        (other.get(ME).await.status == 401).then_some(())
    })
    .await;
    isla.get(ME).await.expect(200);
    isla.login(&isla.password).await.refused(401, "INVALID_CREDENTIALS");
    isla.login(NEW).await.expect(200);
}

#[tokio::test]
async fn a_stolen_token_is_no_way_to_guess_the_password() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let body = |password: &str| json!({ "password": password });
    let erase = async |password: &str| {
        Answer::of(isla.request(reqwest::Method::DELETE, ME).json(&body(password))).await
    };
    for _ in 0..5 {
        erase("Wrong&Smoke1994").await.refused(401, "REAUTHENTICATION_REQUIRED");
    }
    erase(&isla.password).await.refused(423, "ACCOUNT_LOCKED");
    // Signing in is another door.
    isla.login(&isla.password).await.expect(200);
}

#[tokio::test]
async fn a_suspended_person_is_out_at_once_and_stays_out() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let path = format!("/api/v1/users/{}/status", isla.id().await);
    let status = |status: &str| json!({ "status": status });
    isla.put_json(&path, status("SUSPENDED")).await.refused(403, "PERMISSION_DENIED");
    keeper.put_json(&path, status("ERASED")).await.refused(400, "VALIDATION_ERROR");
    let nobody = "/api/v1/users/7/status";
    keeper.put_json(nobody, status("SUSPENDED")).await.refused(404, "USER_NOT_FOUND");

    keeper.put_json(&path, status("SUSPENDED")).await.expect(200);
    until("the session is over", || async { (isla.get(ME).await.status == 401).then_some(()) })
        .await;
    isla.refresh(&isla.refresh_token).await.refused(401, "REFRESH_TOKEN_REVOKED");
    isla.login(&isla.password).await.refused(403, "ACCOUNT_SUSPENDED");
    isla.login("Wrong&Smoke1994").await.refused(401, "INVALID_CREDENTIALS");

    keeper.put_json(&path, status("ACTIVE")).await.expect(200);
    isla.signed_in().await.get(ME).await.expect(200);
}

#[tokio::test]
async fn a_lost_verification_mail_is_sent_again_and_the_newest_counts() {
    let server = &calm().await.server;
    let isla = server.visitor();
    isla.post("/api/v1/auth/register", isla.registration("Isla")).await.expect(201);
    let first = isla.verification_link().await;
    let ask = json!({ "email": isla.email });
    isla.post("/api/v1/auth/resend-verification", ask).await.expect(202);
    let second = until("another letter comes", || async {
        let link = isla.verification_link().await;
        (link != first).then_some(link)
    })
    .await;
    isla.get(&first).await.refused(401, "TOKEN_INVALID");
    isla.get(&second).await.expect(200);
    isla.signed_in().await.get(ME).await.expect(200);
}

#[tokio::test]
async fn raised_costs_reach_old_hashes_when_their_owners_sign_in() {
    let world = World::new().await;
    let cheap = ("CASKCHAIN_PASSWORDS__MEMORY_KIB", "64");
    let server = world.server_with(&[cheap]).await;
    let isla = server.person("Isla").await;
    server.terminate().await;
    let server = world.server().await;
    let isla = isla.at(&server.url);
    for _ in 0..2 {
        isla.login(&isla.password).await.expect(200);
    }
    let log = world.log().await;
    let rehashed = log.iter().filter(|(_, event)| event.contains("user.password_rehashed"));
    assert_eq!(rehashed.count(), 1);
}
