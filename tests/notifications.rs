//! Notifications: people are told what happens to their casks, by the ways they chose.

use serde_json::json;

use crate::world::sms_listener::{self, SmsListener};
use crate::world::{World, calm, until};

const CHOICES: &str = "/api/v1/users/me/notifications";

#[tokio::test]
async fn an_owner_is_told_what_others_do_with_a_cask() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let cask = isla.cask("N-1").await;
    let of_cask = |rest: &str| format!("/api/v1/whiskeys/{cask}{rest}");
    let reason = json!({ "reason": "the strength is wrong" });
    keeper.put_json(&of_cask("/reject"), reason).await.expect(200);
    let letter = isla.mail("Your cask was rejected").await;
    assert!(letter.contains("Ardcairn 2012 (N-1)") && letter.contains("the strength is wrong"));
    isla.post(&of_cask("/resubmit"), json!({})).await.expect(200);
    isla.put_json("/api/v1/users/me", json!({ "language": "zh-Hans" })).await.expect(200);
    keeper.put(&of_cask("/approve")).await.expect(200);
    isla.mail("您的酒桶已通过审核").await;

    // What happens often is not told unless it is wanted; what one does oneself is never told.
    let place = |name: &str| json!({ "storageLocation": { "warehouse": name } });
    keeper.post(&of_cask("/movements"), place("W1")).await.expect(200);
    // A choice counts when the news is handled, so the movement has to be behind before it changes.
    let rory = server.person("Rory").await;
    isla.post(&of_cask("/transfer"), json!({ "to": rory.id().await })).await.expect(200);
    rory.mail("A cask is offered to you").await;
    isla.delete(&of_cask("/transfer")).await.expect(200);
    let record = json!({ "record": { "mail": true, "sms": false } });
    let chosen = isla.put_json(CHOICES, record).await.expect(200);
    assert_eq!(chosen.data()["record"], json!({ "mail": true, "sms": false }));
    assert_eq!(chosen.data()["judgement"], json!({ "mail": true, "sms": false }));
    isla.post(&of_cask("/movements"), place("W2")).await.expect(200);
    keeper.post(&of_cask("/movements"), place("W3")).await.expect(200);
    let news = "您的酒桶有新记录";
    isla.mail(news).await;
    // The next of the same subscription is told: whatever came before it has been.
    isla.post(&of_cask("/transfer"), json!({ "to": keeper.id().await })).await.expect(200);
    keeper.mail("A cask is offered to you").await;
    let told = isla.mails().await.iter().filter(|mail| mail["subject"] == news).count();
    assert_eq!(told, 1);

    isla.put_json(CHOICES, json!({ "record": { "mail": true } }))
        .await
        .refused(400, "VALIDATION_ERROR");
    isla.put_json(CHOICES, json!({ "weather": {} })).await.refused(400, "VALIDATION_ERROR");
    let again = isla.get(CHOICES).await.expect(200);
    assert_eq!(again.data(), chosen.data());
}

#[tokio::test]
async fn short_messages_wait_for_whoever_sends_them() {
    let world = World::new().await;
    let listener = SmsListener::start().await;
    let server = world
        .server_with(&[
            ("CASKCHAIN_SMS__WEBHOOK_URL", &listener.url()),
            ("CASKCHAIN_SMS__WEBHOOK_SECRET", sms_listener::SECRET),
        ])
        .await;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let both = json!({ "judgement": { "mail": true, "sms": true } });
    isla.put_json(CHOICES, both).await.expect(200);
    // Nobody can be reached without a number; it is no reason to wait.
    let approve = |cask: &str| format!("/api/v1/whiskeys/{cask}/approve");
    keeper.put(&approve(&isla.cask("N-1").await)).await.expect(200);
    isla.put_json("/api/v1/users/me", json!({ "phone": "+441479812345" })).await.expect(200);

    listener.is_away(true);
    keeper.put(&approve(&isla.cask("N-2").await)).await.expect(200);
    isla.mail("Your cask was approved").await;
    assert_eq!(listener.messages(), Vec::<serde_json::Value>::new());
    listener.is_away(false);
    let message = until("the message comes", || async { listener.messages().pop() }).await;
    assert_eq!(message["to"], "+441479812345");
    assert_eq!(message["text"], "Your cask Ardcairn 2012 (N-2) was approved at CaskChain.");
    keeper.put(&approve(&isla.cask("N-3").await)).await.expect(200);
    until("one more comes, and only that", || async {
        (listener.messages().len() == 2).then_some(())
    })
    .await;
}
