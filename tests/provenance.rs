//! Where a cask comes from, shown to everybody and proven to whoever doubts it.

use eventstore::ledger::hash::sha256;
use serde_json::json;

use crate::world::auditor::receipt_of;
use crate::world::{calm, strangers, until};

#[tokio::test]
async fn everybody_sees_where_an_approved_cask_comes_from_and_nobody_whose_it_is_or_where_it_lies()
{
    let calm = calm().await;
    let server = &calm.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let visitor = server.visitor();
    let id = isla.cask("P-1").await;
    let path = format!("/api/v1/whiskeys/{id}/provenance");
    visitor.get(&path).await.refused(404, "WHISKEY_NOT_FOUND");
    isla.get(&path).await.refused(404, "WHISKEY_NOT_FOUND");
    let approved = keeper.put(&format!("/api/v1/whiskeys/{id}/approve")).await.expect(200);
    let value = json!({ "value": { "amount": "4217.50", "currency": "EUR" } });
    isla.post(&format!("/api/v1/whiskeys/{id}/valuations"), value).await.expect(200);
    let last = json!({ "storageLocation": { "warehouse": "Warehouse No. 9" } });
    let last = isla.post(&format!("/api/v1/whiskeys/{id}/movements"), last).await.expect(200);

    let seen = until("a head covers all of it", || async {
        let seen = visitor.get(&path).await;
        let events = seen.body["data"]["events"].as_array()?;
        let is_proven = events.len() == 4 && events.iter().all(|event| event["path"].is_array());
        is_proven.then_some(seen)
    })
    .await;
    let cask = seen.data();
    assert_eq!((&cask["distillery"], &cask["caskNumber"]), (&json!("Ardcairn"), &json!("P-1")));
    let events = cask["events"].as_array().unwrap();
    let types: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let expected = ["whiskey.registered", "whiskey.approved", "whiskey.revalued", "whiskey.moved"];
    assert_eq!(types, expected);
    assert_eq!(events[1]["position"], approved.position().to_string());
    assert_eq!(events[3]["position"], last.position().to_string());
    // What is in base64 may hold any letters.
    let mut shown = cask.clone();
    shown["checkpoint"].take();
    for event in shown["events"].as_array_mut().unwrap() {
        event["entry"].take();
        event["path"].take();
    }
    let text = shown.to_string();
    for secret in [&isla.id().await, "4217", "8400", "W7", "Warehouse", "actor", "owner"] {
        assert!(!text.contains(secret), "{secret} is shown to everybody");
    }

    // By what anybody has at home: the proof as a receipt, the event as its owner would show it.
    let key = strangers::key(&visitor).await;
    let log = calm.world.log().await;
    for event in events {
        let mut receipt = receipt_of(event, cask);
        strangers::sigstore(&receipt.to_string(), &key).await.unwrap();
        let (_, envelope) = &log[usize::try_from(receipt.index).unwrap()];
        assert_eq!(receipt.entry[36..], sha256(envelope.as_bytes()));
        receipt.index ^= 1;
        assert!(receipt.verify(&key.parse().unwrap()).is_err());
    }

    let first = visitor.get(&format!("{path}?limit=3")).await.expect(200);
    // The paths are to another head by now, perhaps.
    let entries: Vec<_> = events.iter().map(|event| &event["entry"]).collect();
    let of_page = |at: usize| &first.data()["events"][at]["entry"];
    assert_eq!([of_page(0), of_page(1), of_page(2)], entries[..3]);
    assert_eq!(first.data()["events"].as_array().unwrap().len(), 3);
    let next = first.body["pagination"]["nextCursor"].as_str().unwrap();
    let rest = visitor.get(&format!("{path}?limit=3&cursor={next}")).await.expect(200);
    assert_eq!(rest.data()["events"][0]["position"], events[3]["position"]);
    assert_eq!(rest.body["pagination"]["hasNext"], false);
    visitor.get(&format!("{path}?limit=21")).await.refused(400, "VALIDATION_ERROR");
    visitor.get(&format!("{path}?cursor=x")).await.refused(400, "VALIDATION_ERROR");
    visitor.get("/api/v1/whiskeys/1/provenance").await.refused(404, "WHISKEY_NOT_FOUND");
    visitor.get("/api/v1/whiskeys/x/provenance").await.refused(400, "VALIDATION_ERROR");
}
