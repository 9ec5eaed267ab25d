//! Accounts: who comes in, who does not, and what nobody can find out.

use serde_json::json;

use crate::world::calm;

#[tokio::test]
async fn a_known_address_gets_the_same_answer_and_its_owner_a_mail() {
    let server = &calm().await.server;
    let moira = server.person("Moira").await;
    let before = moira.mails().await.len();

    let stranger = server.visitor();
    let fresh = stranger.post("/api/v1/auth/register", stranger.registration("Moira")).await;
    let mut again = moira.registration("Moira");
    again["email"] = json!(moira.email.to_uppercase());
    let known = moira.post("/api/v1/auth/register", again).await;

    assert_eq!((fresh.status, fresh.data()), (known.status, known.data()));
    assert_eq!(fresh.header("location"), known.header("location"));
    crate::world::until("the owner is told", || async {
        let mails = moira.mails().await;
        (mails.len() > before && mails[0]["subject"] == "You already have an account").then_some(())
    })
    .await;
}

#[tokio::test]
async fn nobody_comes_in_without_the_right_password_and_a_verified_address() {
    let server = &calm().await.server;
    let visitor = server.visitor();
    let login = |identifier: &str, password: &str| {
        let body = json!({ "identifier": identifier, "password": password });
        let visitor = visitor.clone();
        async move { visitor.post("/api/v1/auth/login", body).await }
    };
    login("nobody@casks.example", "Peat&Smoke1994").await.refused(401, "INVALID_CREDENTIALS");
    login("not an identifier !", "Peat&Smoke1994").await.refused(401, "INVALID_CREDENTIALS");

    visitor.post("/api/v1/auth/register", visitor.registration("Isla")).await.expect(201);
    login(&visitor.email, "Wrong&Smoke1994").await.refused(401, "INVALID_CREDENTIALS");
    // Not even the right one: the answer would tell that the address was new when it registered.
    let first = visitor.verification_link().await;
    login(&visitor.email, &visitor.password).await.refused(401, "INVALID_CREDENTIALS");
    let link = crate::world::until("the link is mailed again", || async {
        let link = visitor.verification_link().await;
        (link != first).then_some(link)
    })
    .await;
    visitor.get(&format!("{link}x")).await.refused(401, "TOKEN_INVALID");
    visitor.get(&link).await.expect(200);
    visitor.get(&link).await.refused(409, "TOKEN_ALREADY_USED");
    login(&visitor.email.to_uppercase(), &visitor.password).await.expect(200);
}

#[tokio::test]
async fn one_address_has_one_account_however_many_ask_at_once() {
    let calm = calm().await;
    let visitor = calm.server.visitor();
    let attempts = (0..8).map(|_| {
        let body = visitor.registration("Isla");
        visitor.post("/api/v1/auth/register", body)
    });
    for answer in futures::future::join_all(attempts).await {
        answer.expect(201);
    }
    let link = visitor.verification_link().await;
    visitor.get(&link).await.expect(200);
    visitor.clone().signed_in().await.get("/api/v1/users/me").await.expect(200);

    let database = calm.world.database().await;
    let (accounts,): (i64,) =
        sqlx::query_as("select count(*) from read_users.users where email = $1")
            .bind(&visitor.email)
            .fetch_one(&database)
            .await
            .unwrap();
    assert_eq!(accounts, 1);
}

#[tokio::test]
async fn a_username_belongs_to_who_verifies_an_address_first() {
    let server = &calm().await.server;
    let name: String =
        server.visitor().email.bytes().filter(u8::is_ascii_digit).map(letter).collect();
    let register = async |name: &str| {
        let visitor = server.visitor();
        let body = json!({
            "email": visitor.email, "password": visitor.password, "username": name,
        });
        (visitor.post("/api/v1/auth/register", body).await, visitor)
    };
    let (first, slow) = register(&name).await;
    first.expect(201);
    // Free still: a refusal would tell that the first registration made an account.
    let (second, quick) = register(&name.to_uppercase()).await;
    second.expect(201);
    quick.get(&quick.verification_link().await).await.expect(200);
    let (third, _) = register(&name).await;
    third.refused(409, "USERNAME_TAKEN");

    slow.get(&slow.verification_link().await).await.expect(200);
    let username = async |person: crate::world::Person| {
        let person = person.signed_in().await;
        person.id().await;
        person.get("/api/v1/users/me").await.data()["username"].clone()
    };
    assert_eq!(username(quick).await, name.to_uppercase());
    assert_eq!(username(slow).await, serde_json::Value::Null);
}

#[tokio::test]
async fn the_owner_of_an_address_gets_the_account_that_somebody_else_made_with_it() {
    let server = &calm().await.server;
    let mut isla = server.visitor();
    let mut squatting = isla.registration("Somebody Else");
    squatting["password"] = json!("Squatter&Sons1850");
    isla.post("/api/v1/auth/register", squatting).await.expect(201);
    isla.post("/api/v1/auth/register", isla.registration("Isla")).await.expect(201);
    let ask = json!({ "email": isla.email });
    isla.post("/api/v1/auth/password/forgot", ask).await.expect(202);
    let letter = isla.mail("A new password").await;
    let token = letter.lines().find(|line| line.len() > 60 && !line.contains(' ')).unwrap();
    isla.password = "Tidal&Harbour2031".to_owned();
    let reset = json!({ "token": token, "password": isla.password });
    isla.post("/api/v1/auth/password/reset", reset).await.expect(200);
    isla.login("Squatter&Sons1850").await.refused(401, "INVALID_CREDENTIALS");
    isla.signed_in().await.get("/api/v1/users/me").await.expect(200);
}

/// Usernames have no digits.
fn letter(digit: u8) -> char {
    char::from(b'a' + digit - b'0')
}

#[tokio::test]
async fn tokens_that_are_not_ours_are_not_believed() {
    let server = &calm().await.server;
    let long = "a".repeat(9_000);
    let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.";
    for token in ["x", "a.b.c", none, &long] {
        let stranger = server.visitor().with_token(token);
        stranger.get("/api/v1/users/me").await.refused(401, "TOKEN_INVALID");
    }
    server.visitor().get("/api/v1/users/me").await.refused(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn personal_data_is_in_the_vault_and_the_read_model_and_nowhere_else() {
    let calm = calm().await;
    let secret_name = "Unmistakable Personage";
    let person = calm.server.person(secret_name).await;
    let me = person.get("/api/v1/users/me").await.expect(200);
    assert_eq!(me.data()["fullName"], secret_name);
    assert_eq!(me.data()["email"], person.email.as_str());

    calm.world.stream_equals_log().await;
    for (position, envelope) in calm.world.log().await {
        assert!(!envelope.contains("Unmistakable"), "position {position}");
        assert!(!envelope.contains(&person.email), "position {position}");
        assert!(!envelope.contains("127.0.0.1"), "position {position}");
        assert!(!envelope.contains("argon2id"), "position {position}");
    }
    calm.server.keeps_secrets();
}

#[tokio::test]
async fn a_person_sees_their_own_sessions() {
    let server = &calm().await.server;
    let person = server.person("Isla").await.signed_in().await;
    let sessions = crate::world::until("both sessions are shown", || async {
        let answer = person.get("/api/v1/auth/sessions").await.expect(200);
        let list = answer.data().as_array().unwrap().clone();
        (list.len() == 2).then_some(list)
    })
    .await;
    assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1);
    assert_eq!(sessions[0]["address"], "127.0.0.1");
}
