//! Pages of the catalogue: first ones, and behind any cask, in several orders, with and without
//! filters.

use domain::id::TenantId;
use projections::Readers;
use projections::page::Page;
use projections::whiskeys::{After, Filter, Order, Sort, SortKey, Start};

use crate::asking::{Asked, ask};
use crate::chance::Chance;
use crate::world::World;

/// As many as a process has connections for reading.
const AT_ONCE: usize = 8;
/// Places to read on from, spread over all casks.
const PLACES: i64 = 400;

#[derive(Clone)]
struct Question {
    filter: Filter,
    order: Order,
    start: Start,
}

pub async fn measure(readers: &Readers, world: &World) -> Asked {
    let questions = questions(readers, world).await;
    let readers = readers.clone();
    ask(AT_ONCE, questions, move |question| {
        let readers = readers.clone();
        async move {
            let Question { filter, order, start } = question;
            let listed = readers.whiskeys(TenantId::PLATFORM, &filter, &order, &start).await;
            listed.unwrap();
        }
    })
    .await
}

fn orders() -> [(&'static str, Order); 5] {
    let by = |key, descending| Order::of(&[Sort { key, descending }]);
    [
        ("newest first", Order::of(&[])),
        ("by name", by(SortKey::Name, false)),
        ("oldest whisky first", by(SortKey::Age, true)),
        ("by price", by(SortKey::Price, false)),
        ("by vintage", by(SortKey::Vintage, true)),
    ]
}

async fn questions(readers: &Readers, world: &World) -> Vec<(&'static str, Question)> {
    let mut chance = Chance::new(3);
    let mut questions = Vec::new();
    let first = || Start::Page(Page { number: 1, size: 20 });
    for id in world.some_casks(PLACES).await {
        let row = readers.whiskey(TenantId::PLATFORM, id).await.unwrap().unwrap();
        let region = row.details.0.region.clone();
        for (kind, order) in orders() {
            let start = Start::After(order.place(&row), 20);
            questions.push((kind, Question { filter: Filter::default(), order, start }));
        }
        let filter = Filter { region, ..Filter::default() };
        let order = Order::of(&[]);
        let after: After = order.place(&row);
        let start = Start::After(after, 20);
        questions.push(("filtered", Question { filter: filter.clone(), order, start }));
        if chance.one_in(4) {
            let order = Order::of(&[]);
            let none = Filter::default();
            questions.push((
                "first page",
                Question { filter: none, order: order.clone(), start: first() },
            ));
            questions.push(("first page, filtered", Question { filter, order, start: first() }));
        }
    }
    questions
}
