//! What people's casks are worth, now and from day to day.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Person, World, calm, cask, until};

const PORTFOLIO: &str = "/api/v1/portfolio";

async fn holdings(person: &Person, after: &Answer) -> Value {
    let answer = person.get_at(PORTFOLIO, after.position()).await.expect(200);
    let portfolio = answer.data();
    let now = portfolio["holdings"].as_array().unwrap();
    // The last point of each series is today's.
    for series in portfolio["series"].as_array().unwrap() {
        let last = series["points"].as_array().unwrap().last().unwrap();
        let held = now.iter().find(|held| held["currency"] == series["currency"]);
        assert_eq!(last["casks"], held.map_or(json!(0), |held| held["casks"].clone()));
        if let Some(held) = held {
            assert_eq!(last["value"], held["value"]);
        }
    }
    portfolio["holdings"].clone()
}

fn held(currency: &str, value: &str, casks: i64) -> Value {
    json!({ "currency": currency, "value": value, "casks": casks })
}

#[tokio::test]
async fn a_portfolio_follows_what_happens_to_casks() {
    let server = &calm().await.server;
    let (isla, mairi) = (server.person("Isla").await, server.person("Mairi").await);
    let keeper = server.administrator().await;
    let nothing = isla.get(PORTFOLIO).await.expect(200);
    assert_eq!((&nothing.data()["holdings"], &nothing.data()["series"]), (&json!([]), &json!([])));

    let first = isla.post("/api/v1/whiskeys", cask("V-1")).await.expect(201);
    let id = first.data()["id"].as_str().unwrap();
    let to = |rest: &str| format!("/api/v1/whiskeys/{id}{rest}");
    let mut unvalued = cask("V-2");
    unvalued["marketValue"] = Value::Null;
    let second = isla.post("/api/v1/whiskeys", unvalued).await.expect(201);
    let without = json!({ "currency": null, "value": null, "casks": 1 });
    assert_eq!(holdings(&isla, &second).await, json!([held("GBP", "8400.0000", 1), without]));

    let value = |amount: &str, currency: &str| json!({ "value": { "amount": amount, "currency": currency } });
    let valued = isla.post(&to("/valuations"), value("9000.0001", "GBP")).await.expect(200);
    assert_eq!(holdings(&isla, &valued).await[0], held("GBP", "9000.0001", 1));
    let third = isla.post("/api/v1/whiskeys", cask("V-3")).await.expect(201);
    assert_eq!(holdings(&isla, &third).await[0], held("GBP", "17400.0001", 2));
    let valued = isla.post(&to("/valuations"), value("12000", "EUR")).await.expect(200);
    let both = json!([held("EUR", "12000.0000", 1), held("GBP", "8400.0000", 1), without]);
    assert_eq!(holdings(&isla, &valued).await, both);

    keeper.put(&to("/approve")).await.expect(200);
    isla.post(&to("/transfer"), json!({ "to": mairi.id().await })).await.expect(200);
    let accepted = mairi.post(&to("/transfer/accept"), json!({})).await.expect(200);
    let left = json!([held("GBP", "8400.0000", 1), without]);
    assert_eq!(holdings(&isla, &accepted).await, left);
    assert_eq!(holdings(&mairi, &accepted).await, json!([held("EUR", "12000.0000", 1)]));
    let only = isla.get(&format!("{PORTFOLIO}?currency=GBP")).await.expect(200);
    assert_eq!(only.data()["holdings"], json!([held("GBP", "8400.0000", 1)]));
    assert_eq!(only.data()["series"].as_array().unwrap().len(), 1);
    let gone = mairi.post(&to("/retire"), json!({ "reason": "bottled" })).await.expect(200);
    assert_eq!(holdings(&mairi, &gone).await, json!([]));

    // Others' are for who keeps casks.
    let hers = format!("{PORTFOLIO}?owner={}", isla.id().await);
    mairi.get(&hers).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(keeper.get(&hers).await.expect(200).data()["holdings"], left);
    assert_eq!(isla.get(&hers).await.expect(200).data()["holdings"], left);
    for bad in [
        "owner=x",
        "currency=pounds",
        "step=year",
        "from=yesterday",
        "from=2026-02-30",
        "to=2999-01-01",
        "from=2026-02-02&to=2026-02-01",
        "from=2024-01-01&to=2026-01-01",
        "from=1990-01-01&to=2026-01-01&step=month",
    ] {
        isla.get(&format!("{PORTFOLIO}?{bad}")).await.refused(400, "VALIDATION_ERROR");
    }
    let long = isla.get(&format!("{PORTFOLIO}?from=2025-01-01&to=2026-01-01")).await.expect(200);
    assert_eq!(long.data()["series"], json!([]), "there was nothing then");
}

/// A life that began before this story did.
async fn earlier(world: &World, owner: &str, buyer: &str) {
    let template = world.newest("whiskey.registered").await;
    let event = |sequence: i64, day: &str, event_type: &str, data: Value| {
        let mut event = template.clone();
        event["aggregateId"] = json!("777");
        event["sequence"] = json!(sequence);
        event["type"] = json!(event_type);
        event["data"] = data;
        event["metadata"]["occurredAt"] = json!(format!("2026-09-{day}:00:00.000Z"));
        event
    };
    let money = |amount: &str| json!({ "amount": amount, "currency": "GBP" });
    let revalued = |amount: &str| json!({ "value": money(amount) });
    let mut registered = template["data"].clone();
    registered["details"]["marketValue"] = money("100.1000");
    let accepted = json!({ "from": owner, "to": buyer });
    let retired = json!({ "reason": "lost" });
    world
        .append_all(&[
            event(1, "10T23", "whiskey.registered", registered),
            event(2, "12T08", "whiskey.revalued", revalued("150.0000")),
            event(3, "12T09", "whiskey.revalued", revalued("120.5000")),
            event(4, "14T12", "whiskey.transfer_accepted", accepted),
            event(5, "16T00", "whiskey.retired", retired),
        ])
        .await;
}

#[tokio::test]
async fn a_series_says_what_there_was_on_each_day_and_a_rebuild_says_the_same() {
    let world = World::new().await;
    let server = world.server().await;
    let (isla, mairi) = (server.person("Isla").await, server.person("Mairi").await);
    let keeper = server.administrator().await;
    isla.cask("V-4").await;
    earlier(&world, &isla.id().await, &mairi.id().await).await;
    let position = i64::try_from(world.log().await.len()).unwrap() - 1;
    let values = async |person: &Person, query: &str| -> Vec<String> {
        let answer = person.get_at(&format!("{PORTFOLIO}?{query}"), position).await.expect(200);
        let series = answer.data()["series"].as_array().unwrap().clone();
        let gbp = series.iter().find(|series| series["currency"] == "GBP");
        let points = gbp.map(|series| series["points"].as_array().unwrap().clone());
        points
            .unwrap_or_default()
            .iter()
            .map(|point| {
                let day = point["day"].as_str().unwrap().trim_start_matches("2026-").to_owned();
                format!("{day} {} {}", point["value"].as_str().unwrap(), point["casks"])
            })
            .collect()
    };
    let days = "from=2026-09-09&to=2026-09-17";
    let islas = [
        "09-09 0.0000 0",
        "09-10 100.1000 1",
        "09-11 100.1000 1",
        "09-12 120.5000 1",
        "09-13 120.5000 1",
        "09-14 0.0000 0",
        "09-15 0.0000 0",
        "09-16 0.0000 0",
        "09-17 0.0000 0",
    ];
    assert_eq!(values(&isla, days).await, islas);
    let mairis = values(&mairi, days).await;
    assert_eq!(
        mairis[4..8],
        ["09-13 0.0000 0", "09-14 120.5000 1", "09-15 120.5000 1", "09-16 0.0000 0"]
    );
    // What was before the first day counts.
    assert_eq!(values(&isla, "from=2026-09-12&to=2026-09-12").await, ["09-12 120.5000 1"]);
    let weeks = values(&isla, "from=2026-09-01&to=2026-09-18&step=week").await;
    assert_eq!(weeks, ["09-04 0.0000 0", "09-11 100.1000 1", "09-18 0.0000 0"]);
    let months = values(&isla, "from=2026-08-13&to=2026-10-13&step=month").await;
    assert_eq!(months, ["08-13 0.0000 0", "09-13 120.5000 1", "10-13 0.0000 0"]);
    let by_default = values(&isla, "to=2026-10-01").await;
    assert_eq!((by_default.len(), by_default[0].as_str()), (30, "09-02 0.0000 0"));
    assert_eq!(values(&isla, "").await.last().unwrap().split_once(' ').unwrap().1, "8400.0000 1");

    let database = world.database().await;
    let rows = async || {
        let sql =
            "select (select json_agg(c order by c.whiskey_id)::text from read_portfolio.casks c)
            || (select json_agg(c order by c.owner, c.currency, c.day)::text
                from read_portfolio.changes c)";
        sqlx::query_scalar::<_, String>(sql).fetch_one(&database).await.unwrap()
    };
    let generation = async || {
        let sql = "select oid::bigint from pg_namespace where nspname = 'read_portfolio'";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&database).await.unwrap()
    };
    let (before, old) = (rows().await, generation().await);
    let rebuild = "/admin/projections/portfolio/rebuild";
    Answer::of(keeper.request(Method::POST, rebuild)).await.expect(202);
    until("another generation is live", || async { (generation().await != old).then_some(()) })
        .await;
    assert_eq!(rows().await, before);
    assert_eq!(values(&isla, days).await, islas);
}
