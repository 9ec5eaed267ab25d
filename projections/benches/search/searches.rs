//! Searches as people type them: beginnings, several words, misspelt ones, Chinese, with filters.

use domain::id::TenantId;
use projections::Readers;
use projections::page::Page;
use projections::whiskeys::{Filter, Order, Sort, SortKey};

use crate::asking::{Asked, ask};
use crate::casks::{CHINESE_NOTES, DISTILLERIES, NOTES, WOODS, own_word};
use crate::chance::Chance;

const AT_ONCE: usize = 50;
/// So many of each kind, all different where they can be.
const OF_EACH: usize = 300;

#[derive(Clone, Default)]
struct Question {
    text: String,
    filter: Filter,
    sort: Vec<Sort>,
}

pub async fn measure(readers: &Readers) -> Asked {
    let readers = readers.clone();
    ask(AT_ONCE, questions(), move |question| {
        let readers = readers.clone();
        async move {
            let Question { text, filter, sort } = question;
            let order = (!sort.is_empty()).then(|| Order::of(&sort));
            let page = Page { number: 1, size: 20 };
            let tenant = TenantId::PLATFORM;
            readers.search_whiskeys(tenant, &text, &filter, order.as_ref(), page).await.unwrap();
        }
    })
    .await
}

fn questions() -> Vec<(&'static str, Question)> {
    let mut chance = Chance::new(2);
    let mut questions = Vec::new();
    for _ in 0..OF_EACH {
        questions.extend([
            ("frequent word", typed(frequent(&mut chance))),
            ("seldom word", typed(own_word(chance.below(20_000)))),
            ("beginning", typed(beginning(&mut chance))),
            ("several words", typed(several(&mut chance))),
            ("misspelt", typed(misspelt(&mut chance))),
            ("Chinese", typed((*chance.of(&CHINESE_NOTES)).to_owned())),
            ("filtered", filtered(&mut chance)),
            ("filters only", filters_only(&mut chance)),
        ]);
    }
    questions
}

fn typed(text: String) -> Question {
    Question { text, ..Question::default() }
}

fn frequent(chance: &mut Chance) -> String {
    chance.mostly_first(&NOTES).to_string()
}

fn beginning(chance: &mut Chance) -> String {
    let word = match chance.one_in(2) {
        true => own_word(chance.below(20_000)),
        false => chance.mostly_first(&NOTES).to_string(),
    };
    word.chars().take(3 + chance.below(3)).collect()
}

fn several(chance: &mut Chance) -> String {
    let (distillery, _) = chance.mostly_first(&DISTILLERIES);
    let (_, wood) = chance.mostly_first(&WOODS);
    format!("{distillery} {} {wood}", 1970 + chance.below(54))
}

fn misspelt(chance: &mut Chance) -> String {
    let english = &DISTILLERIES[..50];
    let mut letters: Vec<char> = chance.mostly_first(english).0.chars().collect();
    let at = 1 + chance.below(letters.len() - 2);
    letters.swap(at, at + 1);
    letters.into_iter().collect()
}

fn filtered(chance: &mut Chance) -> Question {
    let (_, region) = *chance.mostly_first(&DISTILLERIES);
    let filter =
        Filter { region: Some(region.to_owned()), age: (Some(10), Some(17)), ..Filter::default() };
    Question { text: frequent(chance), filter, ..Question::default() }
}

fn filters_only(chance: &mut Chance) -> Question {
    let (distillery, _) = *chance.mostly_first(&DISTILLERIES);
    let filter = Filter {
        distillery: Some(distillery.to_owned()),
        price: (Some("1000".to_owned()), None),
        currency: Some("GBP".to_owned()),
        ..Filter::default()
    };
    let sort = vec![Sort { key: SortKey::Price, descending: chance.one_in(2) }];
    Question { filter, sort, ..Question::default() }
}
