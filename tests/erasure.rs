//! Erasing a person: what is known of them goes everywhere, and the log stays as it was.

use reqwest::Method;
use serde_json::json;

use crate::world::{Answer, World, until};

const ME: &str = "/api/v1/users/me";

#[tokio::test]
async fn whoever_is_erased_is_forgotten_and_the_log_is_what_it_was() {
    let world = World::new().await;
    let server = world.server().await;
    let isla = server.person("Unmistakable Personage").await;
    let stranger = server.person("Finlay").await;
    let id = isla.id().await;
    let cask = isla.cask("E-1").await;
    let export = isla.get("/api/v1/users/me/export").await.expect(200);
    assert_eq!(export.data()["profile"]["email"], isla.email.as_str());
    assert_eq!(export.data()["sessions"][0]["address"], "127.0.0.1");
    assert!(export.header("content-disposition").contains("caskchain-export.json"));
    let before = world.log().await;

    let erase = |password: &str| {
        let request = isla.request(Method::DELETE, ME).json(&json!({ "password": password }));
        Answer::of(request)
    };
    erase("Wrong&Smoke1994").await.refused(401, "REAUTHENTICATION_REQUIRED");
    stranger.delete(&format!("/api/v1/users/{id}")).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(isla.get(ME).await.expect(200).data()["status"], "ACTIVE");
    let done = erase(&isla.password).await.expect(200);
    let position = done.position();

    // Out, everywhere and for good.
    until("the session is over", || async { (isla.get(ME).await.status == 401).then_some(()) })
        .await;
    isla.login(&isla.password).await.refused(401, "INVALID_CREDENTIALS");

    // The read models know them no more; the cask is still there.
    let keeper = server.administrator().await;
    keeper.get_at(ME, position).await.expect(200);
    let database = world.database().await;
    for (table, condition) in [
        ("eventstore.vault", "subject = $1::bigint"),
        ("eventstore.vault_keys", "subject = $1::bigint"),
        ("eventstore.claims", "holder = $1"),
        (
            "read_users.users",
            "user_id = $1::bigint and (email is not null or full_name is not null)",
        ),
        ("read_sessions.sessions", "user_id = $1::bigint and address is not null"),
    ] {
        until(&format!("{table} is empty of them"), || async {
            let count = format!("select count(*) from {table} where {condition}");
            let (rows,): (i64,) =
                sqlx::query_as(&count).bind(&id).fetch_one(&database).await.unwrap();
            (rows == 0).then_some(())
        })
        .await;
    }
    keeper.get(&format!("/api/v1/whiskeys/{cask}")).await.expect(200);

    // Not a byte of the log has changed, and it can be folded anew without the key.
    let after = world.log().await;
    assert_eq!(&after[..before.len()], &before);
    let generation = || async {
        let sql = "select oid::bigint from pg_namespace where nspname = 'read_users'";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&database).await.unwrap()
    };
    let old = generation().await;
    let rebuild = "/admin/projections/users/rebuild";
    Answer::of(keeper.request(Method::POST, rebuild)).await.expect(202);
    until("the read model is built anew", || async {
        let sql = "select status, email from read_users.users where user_id = $1::bigint";
        let row: Option<(String, Option<String>)> =
            sqlx::query_as(sql).bind(&id).fetch_optional(&database).await.unwrap();
        (generation().await != old && row == Some(("ERASED".to_owned(), None))).then_some(())
    })
    .await;
    world.stream_equals_log().await;

    // Their address is nobody's: somebody may register with it.
    let somebody = isla.clone();
    let registration = somebody.registration("Somebody Else");
    somebody.post("/api/v1/auth/register", registration).await.expect(201);
    let link = until("another letter comes", || async {
        let mails = somebody.mails().await;
        let letters = mails.iter().filter(|mail| mail["subject"] == "Verify your e-mail address");
        (letters.count() == 2).then_some(())
    });
    link.await;
    let link = somebody.verification_link().await;
    somebody.get(&link).await.expect(200);
    let somebody = somebody.signed_in().await;
    assert_ne!(somebody.id().await, id);
}

/// Somebody types a wrong password, and while it is compared the account is erased: what is noted of
/// the attempt is noted of nobody.
#[tokio::test]
async fn an_attempt_under_way_leaves_nothing_with_whoever_is_erased() {
    let world = World::new().await;
    // Comparing takes so long that there is time to erase.
    let server = world.server_with(&[("CASKCHAIN_PASSWORDS__ITERATIONS", "24")]).await;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let id = isla.id().await;
    let counted = async || {
        let log = world.log().await;
        log.iter().filter(|(_, event)| event.contains("sign_in_guard.attempt_counted")).count()
    };
    let before = counted().await;
    let guessing = isla.clone();
    let guess = tokio::spawn(async move { guessing.login("Wrong&Smoke1994").await });
    until("the attempt is counted", || async { (counted().await > before).then_some(()) }).await;
    keeper.delete(&format!("/api/v1/users/{id}")).await.expect(200);
    guess.await.unwrap().refused(401, "INVALID_CREDENTIALS");

    let log = world.log().await;
    let at = |kind: &str| log.iter().position(|(_, event)| event.contains(kind)).unwrap();
    assert!(at("user.erased") < at("sign_in_guard.attempt_failed"), "it was not under way");
    let database = world.database().await;
    for table in ["eventstore.vault", "eventstore.vault_keys"] {
        let sql = format!("select count(*) from {table} where subject = $1::bigint");
        let (rows,): (i64,) = sqlx::query_as(&sql).bind(&id).fetch_one(&database).await.unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}
