//! The catalogue read on from page to page, in every order, while casks come in.

use serde_json::json;

use crate::world::{Person, World, cask, until};

const LIST: &str = "/api/v1/whiskeys";

/// Casks with equal names, equal ages, and some that say neither age nor price.
async fn cellar(isla: &Person) {
    for number in 0..14 {
        let mut body = cask(&format!("C-{number}"));
        body["name"] = json!(format!("Ardcairn {}", number % 4));
        body["region"] = json!(if number % 2 == 0 { "Islay" } else { "Speyside" });
        if number % 3 != 0 {
            body["age"] = json!(10 + number % 5);
        }
        if number % 5 == 0 {
            body.as_object_mut().unwrap().remove("marketValue");
        } else {
            body["marketValue"] =
                json!({ "amount": (number % 3 * 100).to_string(), "currency": "GBP" });
        }
        isla.post(LIST, body).await.expect(201);
    }
    until("all casks are listed", || async {
        (isla.get(LIST).await.expect(200).body["pagination"]["total"] == 14).then_some(())
    })
    .await;
}

fn numbers(answer: &crate::world::Answer) -> Vec<String> {
    let casks = answer.data().as_array().unwrap().iter();
    casks.map(|cask| cask["caskNumber"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pages_by_cursor_are_the_list_in_every_order() {
    let world = World::new().await;
    let server = world.server().await;
    let isla = server.person("Isla").await;
    cellar(&isla).await;
    let sorts = [
        "",
        "registeredAt",
        "-registeredAt",
        "name",
        "-name",
        "age",
        "-age",
        "price",
        "-price",
        "vintage",
        "name,-age",
        "-age,name",
        "age,price",
        "-price,-age,name",
        "age,-registeredAt",
        "price,price",
    ];
    for (sort, filter) in sorts.iter().flat_map(|sort| [(sort, ""), (sort, "&region=Islay")]) {
        let query = format!("{LIST}?sort={sort}{filter}");
        let query = if sort.is_empty() { query.replace("sort=", "") } else { query };
        let whole = numbers(&isla.get(&format!("{query}&limit=100")).await.expect(200));
        let mut read = Vec::new();
        let mut page = isla.get(&format!("{query}&limit=3")).await.expect(200);
        loop {
            read.extend(numbers(&page));
            assert_eq!(page.body["pagination"]["total"], whole.len(), "{query}");
            let next = page.body["pagination"]["nextCursor"].as_str().map(str::to_owned);
            assert_eq!(page.body["pagination"]["hasNext"], next.is_some());
            let Some(cursor) = next else {
                break;
            };
            page = isla.get(&format!("{query}&limit=3&cursor={cursor}")).await.expect(200);
        }
        assert_eq!(read, whole, "{query}");
        // By numbers it is the same list.
        let second = isla.get(&format!("{query}&limit=3&page=2")).await.expect(200);
        assert_eq!(numbers(&second), whole[3..6], "{query}");
    }
}

#[tokio::test]
async fn what_comes_in_meanwhile_moves_nothing_and_cursors_fit_their_list_only() {
    let world = World::new().await;
    let server = world.server().await;
    let isla = server.person("Isla").await;
    cellar(&isla).await;
    let list = format!("{LIST}?limit=5&sort=-age&region=Islay");
    let first = isla.get(&list).await.expect(200);
    let cursor = first.body["pagination"]["nextCursor"].as_str().unwrap().to_owned();
    let rest = numbers(&isla.get(&format!("{list}&cursor={cursor}")).await.expect(200));
    let mut newer = cask("C-99");
    newer["age"] = json!(99);
    newer["region"] = json!("Islay");
    let position = isla.post(LIST, newer).await.expect(201).position();
    let later = isla.get_at(&format!("{list}&cursor={cursor}"), position).await.expect(200);
    assert_eq!(numbers(&later), rest);

    let half = &cursor[..cursor.len() / 2];
    let long = "A".repeat(5_000);
    let misused = [
        format!("{LIST}?sort=-age&cursor={cursor}"),
        format!("{LIST}?region=Islay&cursor={cursor}"),
        format!("{LIST}?sort=age&region=Islay&cursor={cursor}"),
        format!("{LIST}?sort=-age&region=Speyside&cursor={cursor}"),
        format!("{list}&page=1&cursor={cursor}"),
        format!("{LIST}?cursor={half}"),
        format!("{LIST}?cursor={long}"),
        format!("{LIST}?cursor="),
        format!("{LIST}?cursor=%00"),
        format!("{LIST}?cursor=e30"),
    ];
    for path in misused {
        let answer = isla.get(&path).await.refused(400, "VALIDATION_ERROR");
        let field = answer.body["error"]["field"].as_str().unwrap();
        assert!(["cursor", "page"].contains(&field), "{field}");
    }
    // Another tenant's list is another list.
    let elsewhere = server.administrator_elsewhere(&world).await;
    elsewhere.get(&format!("{list}&cursor={cursor}")).await.refused(400, "VALIDATION_ERROR");
}
