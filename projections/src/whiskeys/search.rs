//! Finding casks by words: whole ones, beginnings, misspelt ones; with counts of what was found.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::id::TenantId;
use sqlx::{FromRow, PgConnection, QueryBuilder};

use super::catalogue::Filter;
use super::order::Order;
use super::words::{Last, Word, any_of, asked, question};
use super::{COLUMNS, WhiskeyRow};
use crate::page::Page;
use crate::reading::{ReadError, Readers};

/// What was found.
#[derive(Clone, Debug)]
pub struct Search {
    pub items: Vec<WhiskeyRow>,
    pub facets: Vec<FacetRow>,
    /// At most `COUNTED`.
    pub total: i64,
    /// What was looked for instead, because nothing has the words that were typed.
    pub instead: Option<String>,
}

/// How many of what was found have a value.
#[derive(Clone, Debug)]
pub struct FacetRow {
    pub facet: String,
    pub value: String,
    pub count: i64,
}

/// More are not counted, and the best of so many are shown: nobody reads on, and everybody waits.
pub const COUNTED: i64 = 300;
/// If whole words find fewer, the last one is taken for the beginning of others.
const ENOUGH: usize = 20;
/// How many words that look alike are tried for one that nothing has.
const ALIKE: i64 = 3;
/// How many words are looked for.
const MAX_ASKED: usize = 12;
/// How many values of each facet are told, the most frequent ones.
const FACET_VALUES: usize = 20;

impl Readers {
    /// Casks that have all the words, the best first unless another order is wanted.
    pub async fn search_whiskeys(
        &self,
        tenant: TenantId,
        text: &str,
        filter: &Filter,
        order: Option<&Order>,
        page: Page,
    ) -> Result<Search, ReadError> {
        let mut tx = self.searching(tenant).await?;
        let mut words = asked(text);
        words.truncate(MAX_ASKED);
        let whole = question(&words, Last::Whole).unwrap_or_default();
        let mut finds = finds(&mut tx, &whole, filter, order).await?;
        let begun = question(&words, Last::Begun).unwrap_or_default();
        if finds.len() < ENOUGH && begun != whole {
            finds = self::finds(&mut tx, &begun, filter, order).await?;
        }
        let mut instead = None;
        if finds.is_empty() && !words.is_empty() {
            let (question, meant) = meant(&mut tx, &words).await?;
            if let Some(question) = question {
                finds = self::finds(&mut tx, &question, filter, order).await?;
                instead = Some(meant);
            }
        }
        let items = shown(&mut tx, &finds, page).await?;
        tx.commit().await?;
        let total = i64::try_from(finds.len()).unwrap_or(i64::MAX);
        Ok(Search { items, facets: facets(&finds), total, instead })
    }
}

/// What of a find is counted.
#[derive(FromRow)]
struct Find {
    whiskey_id: i64,
    brand: Option<String>,
    distillery: String,
    region: Option<String>,
    category: String,
    status: String,
    age: Option<i16>,
    vintage: Option<i16>,
    currency: Option<String>,
    /// Thousands, tens of thousands, …
    magnitude: Option<i16>,
}

/// The casks that have the words and pass the filter, in order, all of them by one question.
async fn finds(
    connection: &mut PgConnection,
    question: &str,
    filter: &Filter,
    order: Option<&Order>,
) -> Result<Vec<Find>, ReadError> {
    let by_rank = order.is_none() && !question.is_empty();
    let mut query = QueryBuilder::new(
        "with matching as materialized (
             select whiskey_id, name, brand, distillery, region, category, status, age, vintage,
                 price, currency",
    );
    if by_rank {
        query.push(", ts_rank(words, ").push_bind(question).push("::text::tsquery) as rank");
    }
    query.push(" from read_whiskeys.whiskeys_of_tenant where true");
    filter.conditions_beside_words(&mut query, question);
    query.push(format!(
        " limit {COUNTED}) select whiskey_id, brand, distillery, region, category, status, age,
             vintage, currency, (case when price < 1000 then 0 when price < 10000 then 1
                 when price < 100000 then 2 when price >= 100000 then 3 end)::smallint as magnitude
          from matching"
    ));
    match order {
        Some(order) => order.push(&mut query),
        None if by_rank => {
            query.push(" order by rank desc, whiskey_id desc");
        }
        None => Order::of(&[]).push(&mut query),
    }
    Ok(query.build_query_as().fetch_all(connection).await?)
}

/// A page of what was found, in its order.
async fn shown(
    connection: &mut PgConnection,
    finds: &[Find],
    page: Page,
) -> Result<Vec<WhiskeyRow>, ReadError> {
    let offset = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let size = usize::try_from(page.size).unwrap_or(usize::MAX);
    let ids: Vec<i64> = finds.iter().skip(offset).take(size).map(|find| find.whiskey_id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select {COLUMNS} from read_whiskeys.whiskeys_of_tenant where whiskey_id = any($1)
         order by array_position($1, whiskey_id)"
    );
    Ok(sqlx::query_as(&sql).bind(ids).fetch_all(connection).await?)
}

/// Numbers are told by ranges, prices within their currency.
fn facets(finds: &[Find]) -> Vec<FacetRow> {
    let mut counts: BTreeMap<(&'static str, Cow<'_, str>), i64> = BTreeMap::new();
    for find in finds {
        for (facet, value) in values(find) {
            *counts.entry((facet, value)).or_default() += 1;
        }
    }
    let mut rows: Vec<_> = counts.into_iter().collect();
    rows.sort_by(|((facet, value), count), ((other_facet, other), other_count)| {
        (facet, other_count, value).cmp(&(other_facet, count, other))
    });
    let mut facets: Vec<FacetRow> = Vec::new();
    for of_facet in rows.chunk_by(|((facet, _), _), ((other, _), _)| facet == other) {
        let most = of_facet.iter().take(FACET_VALUES);
        facets.extend(most.map(|((facet, value), count)| FacetRow {
            facet: (*facet).to_owned(),
            value: value.to_string(),
            count: *count,
        }));
    }
    facets
}

fn values(find: &Find) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
    let age = find.age.map(|age| match age {
        ..10 => "0-9",
        10..18 => "10-17",
        18..25 => "18-24",
        25.. => "25-",
    });
    let decade = find.vintage.map(|year| year / 10 * 10);
    let price = find.currency.as_ref().zip(find.magnitude).map(|(currency, magnitude)| {
        let range = match magnitude {
            ..1 => "0-999",
            1 => "1000-9999",
            2 => "10000-99999",
            3.. => "100000-",
        };
        format!("{currency} {range}")
    });
    [
        ("brand", find.brand.as_deref().map(Cow::Borrowed)),
        ("distillery", Some(Cow::Borrowed(find.distillery.as_str()))),
        ("region", find.region.as_deref().map(Cow::Borrowed)),
        ("category", Some(Cow::Borrowed(find.category.as_str()))),
        ("status", Some(Cow::Borrowed(find.status.as_str()))),
        ("age", age.map(Cow::Borrowed)),
        ("vintage", decade.map(|from| Cow::Owned(format!("{from}-{}", from + 9)))),
        ("price", price.map(Cow::Owned)),
    ]
    .into_iter()
    .filter_map(|(facet, value)| Some((facet, value?)))
}

/// What was meant, if words that nothing has look like words that something has.
async fn meant(
    connection: &mut PgConnection,
    typed: &[Word],
) -> Result<(Option<String>, String), ReadError> {
    let (mut terms, mut instead, mut changed) = (Vec::new(), Vec::new(), false);
    let last = typed.len().saturating_sub(1);
    for (index, word) in typed.iter().enumerate() {
        if word.has_digit() || is_known(connection, word, index == last).await? {
            terms.extend(question(std::slice::from_ref(word), Last::Begun));
            instead.push(word.text.clone());
            continue;
        }
        let alike: Vec<(String,)> = sqlx::query_as(
            "select word from read_whiskeys.words_of_tenant where word operator(public.%) $1
             order by word operator(public.<->) $1, word limit $2",
        )
        .bind(&word.text)
        .bind(ALIKE)
        .fetch_all(&mut *connection)
        .await?;
        let Some((best,)) = alike.first() else {
            return Ok((None, String::new()));
        };
        instead.push(best.clone());
        terms.push(any_of(alike.into_iter().map(|(word,)| word)));
        changed = true;
    }
    Ok((changed.then(|| terms.join(" & ")), instead.join(" ")))
}

async fn is_known(
    connection: &mut PgConnection,
    word: &Word,
    as_beginning: bool,
) -> Result<bool, ReadError> {
    let known = "select from read_whiskeys.words_of_tenant where word";
    let sql = format!(
        "select exists ({known} = $1) or exists ({known} = $2)
             or $3 and exists ({known} >= $1 and word < $4)"
    );
    // Behind everything that begins with the word.
    let end = format!("{}{}", word.text, char::MAX);
    let (known,): (bool,) = sqlx::query_as(&sql)
        .bind(&word.text)
        .bind(word.stem.as_ref())
        .bind(as_beginning)
        .bind(end)
        .fetch_one(connection)
        .await?;
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(distillery: &str, age: Option<i16>, magnitude: Option<i16>) -> Find {
        Find {
            whiskey_id: 7,
            brand: None,
            distillery: distillery.to_owned(),
            region: None,
            category: "rye".to_owned(),
            status: "PENDING".to_owned(),
            age,
            vintage: Some(1998),
            currency: magnitude.map(|_| "GBP".to_owned()),
            magnitude,
        }
    }

    #[test]
    fn the_most_frequent_values_come_first_and_nothing_is_no_value() {
        let finds =
            [find("Ardcairn", Some(9), None), find("B", None, Some(1)), find("B", Some(25), None)];
        let told = facets(&finds);
        let of = |facet: &str| -> Vec<(&str, i64)> {
            let rows = told.iter().filter(|row| row.facet == facet);
            rows.map(|row| (row.value.as_str(), row.count)).collect()
        };
        assert_eq!(of("distillery"), [("B", 2), ("Ardcairn", 1)]);
        assert_eq!(of("age"), [("0-9", 1), ("25-", 1)]);
        assert_eq!(of("vintage"), [("1990-1999", 3)]);
        assert_eq!(of("price"), [("GBP 1000-9999", 1)]);
        assert_eq!(of("brand"), []);
    }

    #[test]
    fn twenty_values_of_a_facet_are_told() {
        let finds: Vec<_> = (0..30).map(|n| find(&n.to_string(), None, None)).collect();
        assert_eq!(facets(&finds).iter().filter(|row| row.facet == "distillery").count(), 20);
    }
}
