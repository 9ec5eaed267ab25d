//! Finding casks by words: whole ones, beginnings, misspelt ones; with counts of what was found.

use domain::id::TenantId;
use sqlx::{PgConnection, QueryBuilder};

use super::catalogue::Filter;
use super::dictionary::{Dictionary, Found, alike};
use super::facets::{COLUMN_BY_COLUMN, FacetRow, Finds};
use super::order::Order;
use super::way::{Term, Way, expected};
use super::words::{Word, asked};
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

/// More are not counted, and the best of so many are shown: nobody reads on, and everybody waits.
pub const COUNTED: i64 = 100;
/// If whole words find fewer, the last one is taken for the beginning of others.
const ENOUGH: usize = 20;
/// How many words are looked for.
const MAX_ASKED: usize = 12;

impl Readers {
    /// Casks that have all the words, the best first unless another order is wanted. Where there are
    /// too many, those registered lately.
    pub async fn search_whiskeys(
        &self,
        tenant: TenantId,
        text: &str,
        filter: &Filter,
        order: Option<&Order>,
        page: Page,
    ) -> Result<Search, ReadError> {
        let mut searcher = self.searchers.of(tenant).await?;
        let mut words = asked(text);
        words.truncate(MAX_ASKED);
        let (finds, instead) = searched(&mut searcher, &words, filter, order).await?;
        let items = shown(&mut searcher, &finds, page).await?;
        self.searchers.keep(searcher);
        let total = i64::try_from(finds.whiskeys.len()).unwrap_or(i64::MAX);
        Ok(Search { items, facets: finds.facets(), total, instead })
    }
}

/// What is looked for.
#[derive(Default)]
struct Question {
    /// What was typed, as whole words, and with the last one as the beginning of others.
    whole: Option<Vec<Term>>,
    begun: Vec<Term>,
    instead: Option<String>,
}

async fn searched(
    connection: &mut PgConnection,
    words: &[Word],
    filter: &Filter,
    order: Option<&Order>,
) -> Result<(Finds, Option<String>), ReadError> {
    let marks = filter.marks();
    let dictionary = Dictionary::look_up(connection, words, &marks).await?;
    let marked: Option<Vec<_>> = marks.iter().map(|marks| dictionary.marked(marks)).collect();
    let question = question(connection, words, &dictionary, marks.is_empty()).await?;
    let (Some(marked), Some(question)) = (marked, question) else {
        return Ok((Finds::default(), None));
    };
    let hunt = Hunt { filter, order, marked, casks: dictionary.casks };
    if let Some(whole) = &question.whole
        && hunt.expects(whole) >= COUNTED as f64
    {
        let finds = hunt.finds(connection, whole, None).await?;
        if finds.whiskeys.len() >= ENOUGH || *whole == question.begun {
            return Ok((finds, None));
        }
    }
    let finds = hunt.finds(connection, &question.begun, question.whole.as_deref()).await?;
    let instead = question.instead.filter(|_| !finds.whiskeys.is_empty());
    Ok((finds, instead))
}

/// None, if no cask has all the words.
async fn question(
    connection: &mut PgConnection,
    words: &[Word],
    dictionary: &Dictionary,
    has_no_marks: bool,
) -> Result<Option<Question>, ReadError> {
    let Some((last, others)) = words.split_last() else {
        return Ok(Some(Question::default()));
    };
    let (mut terms, mut instead, mut changed) = (Vec::new(), Vec::new(), false);
    let is_alone = others.is_empty() && has_no_marks;
    let found = others.iter().map(|word| dictionary.whole(word));
    let found = found.chain([dictionary.begun(last, is_alone)]);
    for (word, found) in words.iter().zip(found) {
        match found {
            Found::As(term) => {
                terms.push(term);
                instead.push(word.text.clone());
            }
            // Another number is not what was meant.
            Found::Nowhere if word.has_digit() => return Ok(None),
            Found::Nowhere => {
                let Some((best, term)) = alike(connection, word).await? else {
                    return Ok(None);
                };
                terms.push(term);
                instead.push(best);
                changed = true;
            }
        }
    }
    let whole = match dictionary.whole(last) {
        Found::As(term) => {
            let others = terms.iter().take(others.len()).cloned();
            Some(others.chain([term]).collect())
        }
        Found::Nowhere => None,
    };
    Ok(Some(Question { whole, begun: terms, instead: changed.then(|| instead.join(" ")) }))
}

/// Everything but the words.
struct Hunt<'a> {
    filter: &'a Filter,
    order: Option<&'a Order>,
    marked: Vec<Term>,
    /// Of the tenant.
    casks: i64,
}

impl Hunt<'_> {
    fn expects(&self, words: &[Term]) -> f64 {
        expected(&[words, &self.marked].concat(), self.casks)
    }

    /// The casks that have the words and pass the filter, in order. Those that have the words whole
    /// come before others.
    async fn finds(
        &self,
        connection: &mut PgConnection,
        words: &[Term],
        whole: Option<&[Term]>,
    ) -> Result<Finds, ReadError> {
        let terms = [words, &self.marked].concat();
        let ranked = (self.order.is_none() && !words.is_empty()).then(|| {
            let whole = whole.filter(|whole| *whole != words).map(exactly);
            (exactly(words), whole)
        });
        let mut way = Some(Way::to(&terms, COUNTED, self.casks));
        let mut finds = Finds::default();
        while let Some(asked) = way {
            finds = self.found(connection, &asked, ranked.as_ref()).await?;
            let is_enough = finds.whiskeys.len() as i64 >= COUNTED;
            way = if is_enough { None } else { asked.further(&terms, self.casks) };
        }
        Ok(finds)
    }

    /// All of them by one question.
    async fn found(
        &self,
        connection: &mut PgConnection,
        way: &Way,
        ranked: Option<&(String, Option<String>)>,
    ) -> Result<Finds, ReadError> {
        let mut query = QueryBuilder::new(
            "with matching as materialized (
                 select whiskey_id, name, brand, distillery, region, category, status, age, vintage,
                     price, currency",
        );
        if let Some((words, whole)) = ranked {
            query.push(", ts_rank(words, ").push_bind(words).push("::text::tsquery)");
            if let Some(whole) = whole {
                query.push(" + ts_rank(words, ").push_bind(whole).push("::text::tsquery)");
            }
            query.push(" as rank");
        }
        query.push(" from read_whiskeys.whiskeys_by_word where true");
        for term in &way.by_index {
            query.push(" and words @@ ").push_bind(term).push("::text::tsquery");
        }
        if let Some(others) = &way.by_reading {
            // No index is used for what is asked like this.
            query.push(" and (words @@ ").push_bind(others).push("::text::tsquery) is true");
        }
        self.filter.ranges(&mut query);
        query.push(format!(" limit {COUNTED}), ordered as (select * from matching"));
        match self.order {
            Some(order) => order.push(&mut query),
            None if ranked.is_some() => {
                query.push(" order by rank desc, whiskey_id desc");
            }
            None => Order::of(&[]).push(&mut query),
        }
        query.push(COLUMN_BY_COLUMN);
        Ok(query.build_query_as().fetch_one(connection).await?)
    }
}

fn exactly(terms: &[Term]) -> String {
    terms.iter().map(Term::exactly).collect::<Vec<_>>().join(" & ")
}

/// A page of what was found, in its order.
async fn shown(
    connection: &mut PgConnection,
    finds: &Finds,
    page: Page,
) -> Result<Vec<WhiskeyRow>, ReadError> {
    let offset = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let size = usize::try_from(page.size).unwrap_or(usize::MAX);
    let ids: Vec<i64> = finds.whiskeys.iter().skip(offset).take(size).copied().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select {COLUMNS} from read_whiskeys.whiskeys_of_tenant where whiskey_id = any($1)
         order by array_position($1, whiskey_id)"
    );
    Ok(sqlx::query_as(&sql).bind(ids).fetch_all(connection).await?)
}
