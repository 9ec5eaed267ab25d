//! Who came in, and who tried to; and what administrators are alerted to.

use serde_json::json;

use crate::world::{Person, calm, until};

const HISTORY: &str = "/api/v1/auth/login-history";
const LAST: &str = "/api/v1/users/me/last-login";

async fn statuses(person: &Person, query: &str, count: usize) -> Vec<String> {
    until(&format!("{count} sign-ins are listed"), || async {
        let answer = person.get(&format!("{HISTORY}{query}")).await.expect(200);
        let list = answer.data().as_array().unwrap().clone();
        let status = |login: &serde_json::Value| login["status"].as_str().unwrap().to_owned();
        (list.len() == count).then(|| list.iter().map(status).collect())
    })
    .await
}

#[tokio::test]
async fn sign_ins_and_attempts_are_listed_for_whose_account_it_is() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    statuses(&isla, "", 1).await;
    assert!(isla.get(LAST).await.expect(200).data().is_null(), "the first has none before it");
    isla.login("Wrong&Smoke1994").await.refused(401, "INVALID_CREDENTIALS");
    let again = isla.clone().signed_in().await;

    assert_eq!(statuses(&isla, "", 3).await, ["SUCCESS", "FAILED", "SUCCESS"]);
    assert_eq!(statuses(&isla, "?status=FAILED", 1).await, ["FAILED"]);
    assert_eq!(statuses(&isla, "?limit=1&page=3", 1).await, ["SUCCESS"]);
    statuses(&isla, "?startDate=2020-01-01T00:00:00Z&endDate=2020-02-01T00:00:00Z", 0).await;
    statuses(&isla, "?startDate=2020-01-01T00:00:00Z", 3).await;
    for bad in ["?status=MAYBE", "?startDate=yesterday", "?limit=101", "?page=0"] {
        isla.get(&format!("{HISTORY}{bad}")).await.refused(400, "VALIDATION_ERROR");
    }
    let backwards = "?startDate=2021-01-01T00:00:00Z&endDate=2020-01-01T00:00:00Z";
    isla.get(&format!("{HISTORY}{backwards}")).await.refused(400, "VALIDATION_ERROR");

    let last = again.get(LAST).await.expect(200);
    assert_eq!(last.data()["status"], "SUCCESS");
    assert_eq!(last.data()["address"], "127.0.0.1");
    assert_eq!(last.data()["deviceId"], isla.device.as_str());
    let finlay = server.person("Finlay").await;
    statuses(&finlay, "", 1).await;

    let export = isla.get("/api/v1/users/me/export").await.expect(200);
    assert_eq!(export.data()["loginHistory"].as_array().unwrap().len(), 3);
    assert_eq!(export.data()["devices"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_copied_token_is_told_to_its_owner_and_to_administrators() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let id = isla.id().await;
    let first = isla.refresh_token.clone();
    let second = isla.refresh(&first).await.expect(200);
    let second = second.data()["refreshToken"].as_str().unwrap().to_owned();
    isla.refresh(&second).await.expect(200);
    isla.refresh(&first).await.refused(401, "REFRESH_TOKEN_REVOKED");
    let letter = isla.mail("We ended one of your sessions").await;
    assert!(letter.contains("UTC"), "{letter}");

    let alerts = "/api/v1/security/alerts?kind=TOKEN_REUSED&limit=100";
    isla.clone().signed_in().await.get(alerts).await.refused(403, "PERMISSION_DENIED");
    until("there is an alert", || async {
        let list = keeper.get(alerts).await.expect(200);
        let mut of_isla = list.data().as_array().unwrap().iter();
        of_isla.any(|alert| alert["userId"] == json!(id)).then_some(())
    })
    .await;
    keeper.get("/api/v1/security/alerts?kind=FIRE").await.refused(400, "VALIDATION_ERROR");
}
