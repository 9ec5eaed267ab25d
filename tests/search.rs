//! The catalogue: filtered, sorted, and found by words, whole, begun, misspelt or Chinese.

use serde_json::{Value, json};

use crate::world::{Person, World, cask, until};

const SEARCH: &str = "/api/v1/whiskeys/search";

/// Some casks, all different, and somebody who owns them.
async fn cellar(world: &World) -> (crate::world::Server, Person) {
    let server = world.server().await;
    let isla = server.person("Isla").await;
    let casks = [
        ("Ardbèg Uigeadail", "Ardbèg", "Islay", 10, 1998, Some("900"), "smoke and brine"),
        ("Ardcairn 2012", "Ardcairn", "Speyside", 12, 2012, Some("4200"), "smoking embers"),
        ("Ardcairn Reserve", "Ardcairn", "Speyside", 25, 1995, Some("12000"), "heather honey"),
        ("麥卡倫雪莉桶", "麥卡倫", "斯佩塞", 18, 2005, None, "果乾與香料"),
        ("100% Grain", "O'Neill", "Lowlands", 4, 2020, Some("300"), "light"),
    ];
    for (number, (name, distillery, region, age, vintage, price, description)) in
        casks.into_iter().enumerate()
    {
        let mut body = cask(&format!("C-{number}"));
        body["name"] = json!(name);
        body["distillery"] = json!(distillery);
        body["region"] = json!(region);
        body["age"] = json!(age);
        body["vintage"] = json!(vintage);
        body["description"] = json!(description);
        if number == 4 {
            body["category"] = json!("grain");
        }
        match price {
            Some(amount) => body["marketValue"] = json!({ "amount": amount, "currency": "GBP" }),
            None => drop(body.as_object_mut().unwrap().remove("marketValue")),
        }
        isla.post("/api/v1/whiskeys", body).await.expect(201);
    }
    until("all casks are listed", || async {
        let listed = isla.get("/api/v1/whiskeys").await.expect(200);
        (listed.body["pagination"]["total"] == 5).then_some(())
    })
    .await;
    (server, isla)
}

fn names(casks: &Value) -> Vec<&str> {
    casks.as_array().unwrap().iter().map(|cask| cask["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_catalogue_is_filtered_and_sorted() {
    let world = World::new().await;
    let (_server, isla) = cellar(&world).await;
    let list = async |query: &str| {
        let answer = isla.get(&format!("/api/v1/whiskeys?{query}")).await.expect(200);
        names(answer.data()).join(" | ")
    };
    assert_eq!(list("distillery=Ardcairn&sort=age").await, "Ardcairn 2012 | Ardcairn Reserve");
    assert_eq!(list("distillery=Ardcairn&sort=-age").await, "Ardcairn Reserve | Ardcairn 2012");
    assert_eq!(list("region=Islay").await, "Ardbèg Uigeadail");
    assert_eq!(list("age=10-17&sort=name").await, "Ardbèg Uigeadail | Ardcairn 2012");
    assert_eq!(list("age=25-").await, "Ardcairn Reserve");
    assert_eq!(list("vintage=2020").await, "100% Grain");
    assert_eq!(
        list("price=1000-&currency=GBP&sort=-price").await,
        "Ardcairn Reserve | Ardcairn 2012"
    );
    assert_eq!(list("price=1000-&currency=JPY").await, "");
    assert_eq!(list("category=grain&status=PENDING").await, "100% Grain");
    // Who says nothing of a price comes last, whichever way it goes.
    for sort in ["price", "-price"] {
        assert!(list(&format!("sort={sort}")).await.ends_with("麥卡倫雪莉桶"), "{sort}");
    }
    assert_eq!(list("sort=registeredAt&limit=1&page=2").await, "Ardcairn 2012");
    for bad in ["age=old", "age=-", "vintage=1e3", "price=1-", "sort=colour", "status=GONE"] {
        isla.get(&format!("/api/v1/whiskeys?{bad}")).await.refused(400, "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn casks_are_found_by_words_their_beginnings_and_what_was_meant() {
    let world = World::new().await;
    let (_server, isla) = cellar(&world).await;
    let search = async |query: &str| {
        let typed: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        isla.get(&format!("{SEARCH}?q={typed}")).await.expect(200).data().clone()
    };
    let found = async |query: &str| names(&search(query).await["items"]).join(" | ");
    assert_eq!(found("ardbeg").await, "Ardbèg Uigeadail");
    assert_eq!(found("ARDBÈG uig").await, "Ardbèg Uigeadail");
    assert_eq!(found("uig ardbeg").await, "", "only the last word may be a beginning");
    // The name counts more than the description, and endings do not count.
    assert_eq!(found("ardc").await, "Ardcairn Reserve | Ardcairn 2012");
    assert_eq!(found("smokes").await, "Ardcairn 2012 | Ardbèg Uigeadail");
    assert_eq!(found("2012").await, "Ardcairn 2012");
    assert_eq!(found("o'neill 100%").await, "100% Grain");
    // Chinese: a part of a name, wherever it stands.
    for part in ["麥卡倫", "卡倫", "雪莉", "桶", "香料"] {
        assert_eq!(found(part).await, "麥卡倫雪莉桶", "{part}");
    }
    assert_eq!(found("卡麥").await, "");
    // Nothing that is typed is a question of its own.
    for typed in ["smoke & !brine", "' | '", "x:*", "\\", "%", "😀", "(((", "the of"] {
        search(typed).await;
    }
    let meant = search("ardcarin reserv").await;
    assert_eq!(names(&meant["items"]), ["Ardcairn Reserve"]);
    assert_eq!(meant["instead"], "ardcairn reserv");
    let nothing = search("zzzzzz qqqqq").await;
    assert_eq!((&nothing["items"], &nothing["instead"]), (&json!([]), &Value::Null));
    let long = "x".repeat(201);
    isla.get(&format!("{SEARCH}?q={long}")).await.refused(400, "VALIDATION_ERROR");
    isla.get(&format!("{SEARCH}?q=a%00b")).await.refused(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn what_is_found_is_counted_by_what_it_is() {
    let world = World::new().await;
    let (_server, isla) = cellar(&world).await;
    let all = isla.get(SEARCH).await.expect(200);
    assert_eq!(all.body["pagination"]["total"], 5);
    let facets = &all.data()["facets"];
    let first =
        |facet: &str| (facets[facet][0]["value"].clone(), facets[facet][0]["count"].clone());
    assert_eq!(first("distillery"), (json!("Ardcairn"), json!(2)));
    assert_eq!(first("region"), (json!("Speyside"), json!(2)));
    assert_eq!(first("category"), (json!("single_malt"), json!(4)));
    assert_eq!(first("status"), (json!("PENDING"), json!(5)));
    assert_eq!(first("age"), (json!("10-17"), json!(2)));
    assert_eq!(first("vintage"), (json!("1990-1999"), json!(2)));
    assert_eq!(facets["price"].as_array().unwrap().len(), 3);
    // A range that was told is a filter.
    let one = isla.get(&format!("{SEARCH}?q=ard&vintage=1990-1999&region=Speyside")).await;
    assert_eq!(names(&one.expect(200).data()["items"]), ["Ardcairn Reserve"]);
    let sorted = isla.get(&format!("{SEARCH}?q=ard&sort=-vintage&limit=1")).await.expect(200);
    assert_eq!(names(&sorted.data()["items"]), ["Ardcairn 2012"]);
    assert_eq!(sorted.body["pagination"]["total"], 3);

    // A correction is found by its new words and no more by the old ones.
    let found = isla.get(&format!("{SEARCH}?q=uigeadail")).await.expect(200);
    let id = found.data()["items"][0]["id"].as_str().unwrap().to_owned();
    let mut corrected = cask("C-0");
    corrected["name"] = json!("Corryvreckan");
    let done = isla.put_json(&format!("/api/v1/whiskeys/{id}"), corrected).await.expect(200);
    let found = isla.get_at(&format!("{SEARCH}?q=corryv"), done.position()).await.expect(200);
    assert_eq!(names(&found.data()["items"]), ["Corryvreckan"]);
    let found = isla.get(&format!("{SEARCH}?q=uigeadail")).await.expect(200);
    assert!(found.data()["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_cask_is_found_by_what_it_is_now() {
    let world = World::new().await;
    let (server, isla) = cellar(&world).await;
    let (keeper, me) = (server.administrator().await, isla.id().await);
    let search = async |query: &str, position: i64| {
        let found = isla.get_at(&format!("{SEARCH}?{query}"), position).await.expect(200);
        names(&found.data()["items"]).join(" | ")
    };
    let found = isla.get(&format!("{SEARCH}?q=grain&status=PENDING&owner=me")).await.expect(200);
    assert_eq!(names(&found.data()["items"]), ["100% Grain"]);
    let id = found.data()["items"][0]["id"].as_str().unwrap();
    let to = |step: &str| format!("/api/v1/whiskeys/{id}{step}");

    let at = keeper.put(&to("/approve")).await.expect(200).position();
    assert_eq!(search("status=APPROVED", at).await, "100% Grain");
    assert_eq!(search("q=grain&status=PENDING", at).await, "");
    assert_eq!(search(&format!("q=ligh&owner={me}"), at).await, "100% Grain");
    assert_eq!(search("price=1-299&currency=GBP", at).await, "");

    let worth = json!({ "value": { "amount": "150000", "currency": "EUR" } });
    let at = isla.post(&to("/valuations"), worth).await.expect(200).position();
    assert_eq!(search("price=100000-&currency=EUR", at).await, "100% Grain");
    assert_eq!(search("price=300&currency=GBP", at).await, "");
    // The words of two casks, and what only one of them begins with.
    assert_eq!(search("q=ardcairn%20re", at).await, "Ardcairn Reserve");
    assert_eq!(search("q=islay%20smo&age=10", at).await, "Ardbèg Uigeadail");
}
