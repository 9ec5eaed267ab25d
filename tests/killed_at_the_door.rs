//! kill -9 while somebody is judged at the door: a code or a password that was counted stays
//! counted, whatever became of the answer.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::killing::{events, killed_at, of};
use crate::world::{Answer, Person, Server, World, until};

const VERIFY: &str = "/api/v1/auth/verify-otp";
const SETTINGS: &str = "/api/v1/tenants/1/settings";
const WRONG: &str = "Wrong&Smoke1994";
const PEOPLE: usize = 8;

/// Somebody with a code in hand.
struct Entering {
    person: Person,
    id: String,
    session: Value,
    code: String,
}

impl Entering {
    async fn of(person: Person, id: String) -> Self {
        let asked = person.login(&person.password).await.expect(202);
        let letter = person.mail("Your sign-in code").await;
        let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
        let code = letter.lines().find(is_code).unwrap().to_owned();
        Self { person, id, session: asked.data()["sessionId"].clone(), code }
    }

    fn enter(&self, server: &Server, code: &str) -> reqwest::RequestBuilder {
        let body = json!({ "sessionId": self.session, "code": code });
        self.person.at(&server.url).request(Method::POST, VERIFY).json(&body)
    }

    /// Sent again, it is the same request.
    fn enter_once(&self, server: &Server) -> reqwest::RequestBuilder {
        self.enter(server, &self.code).header("Idempotency-Key", &self.id)
    }

    fn wrong_code(&self) -> String {
        format!("{:06}", (self.code.parse::<u32>().unwrap() + 1) % 1_000_000)
    }

    fn opened(&self, events: &[Value]) -> usize {
        let opened = events.iter().filter(|event| event["type"] == "session.opened");
        opened.filter(|event| event["data"]["user"] == self.id.as_str()).count()
    }
}

#[tokio::test]
async fn a_code_opens_one_session_and_a_try_is_a_try() {
    let world = World::new().await;
    let mut server = world.server().await;
    // Signed in before codes are wanted.
    let keeper = server.administrator().await;
    let (mut unused, mut used, mut cut_short) = (0, 0, 0);
    let (tried, opened) = ("sign_in_codes.tried", "session.opened");
    for moment in [(tried, 1), (opened, 1), (tried, 4), (opened, 4), (tried, 7), (opened, 7)] {
        let keeper = keeper.at(&server.url);
        keeper.put_json(SETTINGS, json!({ "otpLogin": false })).await.expect(200);
        let people = (0..PEOPLE).map(|_| server.person("Isla"));
        let people = futures::future::join_all(people).await;
        let ids = futures::future::join_all(people.iter().map(Person::id)).await;
        keeper.put_json(SETTINGS, json!({ "otpLogin": true })).await.expect(200);
        let entering = people.into_iter().zip(ids).map(|(person, id)| Entering::of(person, id));
        let entering = futures::future::join_all(entering).await;

        let asked = entering.iter().map(|one| one.enter_once(&server)).collect();
        let answers = killed_at(&world, moment, server, asked).await;
        server = world.server().await;
        for (one, answer) in entering.iter().zip(answers) {
            let log = events(&world).await;
            let tried = of(&log, "sign_in_codes.tried", &one.id).count();
            let accepted = of(&log, "sign_in_codes.accepted", &one.id).count();
            // Beside the one from before.
            assert_eq!(one.opened(&log) - 1, accepted);
            if accepted == 0 {
                assert!(answer.is_none(), "it was said that {} is in", one.id);
                cut_short += tried;
                unused += 1;
                let wrong = Answer::of(one.enter(&server, &one.wrong_code())).await;
                let wrong = wrong.refused(401, "OTP_INVALID");
                let left = &wrong.body["error"]["details"]["attemptsRemaining"];
                assert_eq!(left, &json!(2 - tried), "a try was given back");
            } else {
                assert_eq!(tried, 1);
                used += 1;
            }
            let again = Answer::of(one.enter_once(&server)).await.expect(200);
            if let Some(answer) = answer {
                let answer = answer.expect(200);
                assert_eq!(answer.data()["sessionId"], again.data()["sessionId"]);
            }
            Answer::of(one.enter(&server, &one.code)).await.refused(401, "OTP_INVALID");
            let log = events(&world).await;
            assert_eq!(one.opened(&log) - 1, 1);
        }
    }
    assert!(used > 0 && unused > 0, "killed too early or too late: {used} used, {unused} not");
    assert!(cut_short > 0, "nobody was killed between a try and what came of it");
}

/// The fifth wrong password is counted, and the process dies over comparing it: whoever tries on
/// finds the door locked. No letter says so, because nobody is left who would ask for it.
#[tokio::test]
async fn the_fifth_wrong_password_locks_though_nobody_lived_to_say_so() {
    let world = World::new().await;
    // Comparing takes so long that it can be cut short for certain.
    let slow = [("CASKCHAIN_PASSWORDS__ITERATIONS", "24")];
    let server = world.server_with(&slow).await;
    let isla = server.person("Isla").await;
    for _ in 0..4 {
        isla.login(WRONG).await.refused(401, "INVALID_CREDENTIALS");
    }
    let id = isla.id().await;
    let guessing = isla.clone();
    let guess = tokio::spawn(async move {
        let body = json!({ "identifier": guessing.email, "password": WRONG });
        guessing.request(Method::POST, "/api/v1/auth/login").json(&body).send().await.is_ok()
    });
    let guard = until("the fifth is counted", || async {
        let log = events(&world).await;
        let mut failed = log.iter().filter(|e| e["type"] == "sign_in_guard.attempt_failed");
        let guard = failed.find(|event| event["data"]["user"] == id.as_str())?;
        let guard = guard["aggregateId"].as_str().unwrap();
        let mut counted = of(&log, "sign_in_guard.attempt_counted", guard);
        counted.any(|event| event["data"]["number"] == 5).then(|| guard.to_owned())
    })
    .await;
    server.kill().await;
    assert!(!guess.await.unwrap(), "it was answered before the process died");

    let server = world.server_with(&slow).await;
    let isla = isla.at(&server.url);
    for password in [&isla.password, WRONG] {
        isla.login(password).await.refused(423, "ACCOUNT_LOCKED");
    }
    let log = events(&world).await;
    assert_eq!(of(&log, "sign_in_guard.locked", &guard).count(), 0);
    assert_eq!(of(&log, "sign_in_guard.attempt_counted", &guard).count(), 6);
    // Whoever is in stays in, and whoever reads the owner's mail opens the door.
    isla.get("/api/v1/users/me").await.expect(200);
    isla.post("/api/v1/auth/password/forgot", json!({ "email": isla.email })).await.expect(202);
    let letter = isla.mail("A new password").await;
    let token = letter.lines().find(|line| line.len() > 60 && !line.contains(' ')).unwrap();
    let reset = json!({ "token": token, "password": "Tidal&Harbour2031" });
    isla.post("/api/v1/auth/password/reset", reset).await.expect(200);
    isla.login("Tidal&Harbour2031").await.expect(200);
    let letters = isla.mails().await;
    let lock = "Your account is locked for a while";
    assert!(letters.iter().all(|letter| letter["subject"] != lock), "there is a letter now");
}
