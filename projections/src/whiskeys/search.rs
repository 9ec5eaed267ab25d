//! Finding casks by words: whole ones, beginnings, misspelt ones; with counts of what was found.

use domain::id::TenantId;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};

use super::catalogue::{Filter, Sort, in_order};
use super::words::{Word, any_of, asked, question};
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
#[derive(Clone, Debug, FromRow)]
pub struct FacetRow {
    pub facet: String,
    pub value: String,
    pub count: i64,
}

/// More are not counted, and the best of so many are shown: nobody reads on, and everybody waits.
pub const COUNTED: i64 = 1_000;
/// How many words that look alike are tried for one that nothing has.
const ALIKE: i64 = 3;
/// How many words are looked for.
const MAX_ASKED: usize = 12;
/// How many values of each facet are told, the most frequent ones.
const FACET_VALUES: i64 = 20;

impl Readers {
    /// Casks that have all the words, the best first unless another order is wanted.
    pub async fn search_whiskeys(
        &self,
        tenant: TenantId,
        text: &str,
        filter: &Filter,
        sort: &[Sort],
        page: Page,
    ) -> Result<Search, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let mut words = asked(text);
        words.truncate(MAX_ASKED);
        let typed = question(&words).unwrap_or_default();
        let mut found = found(&mut tx, tenant, &typed, filter, sort, page).await?;
        if found.total == 0 && !words.is_empty() {
            let (question, instead) = meant(&mut tx, tenant, &words).await?;
            if let Some(question) = question {
                found = self::found(&mut tx, tenant, &question, filter, sort, page).await?;
                found.instead = Some(instead);
            }
        }
        tx.commit().await?;
        Ok(found)
    }
}

/// The casks that have the words and pass the filter, as `matching`, for a query to go on with.
fn matching<'a>(
    tenant: TenantId,
    question: &'a str,
    filter: &'a Filter,
) -> QueryBuilder<'a, Postgres> {
    let mut query = QueryBuilder::new(
        "with matching as materialized (select * from read_whiskeys.whiskeys where tenant = ",
    );
    query.push_bind(tenant.value());
    if !question.is_empty() {
        query.push(" and words @@ ").push_bind(question).push("::text::tsquery");
    }
    filter.conditions(&mut query);
    query.push(format!(" limit {COUNTED}) "));
    query
}

async fn found(
    connection: &mut PgConnection,
    tenant: TenantId,
    question: &str,
    filter: &Filter,
    sort: &[Sort],
    page: Page,
) -> Result<Search, ReadError> {
    let mut counting = matching(tenant, question, filter);
    counting.push("select count(*) from matching");
    let (total,): (i64,) = counting.build_query_as().fetch_one(&mut *connection).await?;

    let mut facets = matching(tenant, question, filter);
    facets.push(FACETS).push_bind(FACET_VALUES).push(" order by facet, place");
    let facets = facets.build_query_as().fetch_all(&mut *connection).await?;

    let mut query = matching(tenant, question, filter);
    query.push(format!("select {COLUMNS} from matching"));
    if sort.is_empty() && !question.is_empty() {
        query.push(" order by ts_rank(words, ").push_bind(question);
        query.push("::text::tsquery) desc, whiskey_id desc");
    } else {
        in_order(&mut query, sort);
    }
    query.push(" limit ").push_bind(page.limit()).push(" offset ").push_bind(page.offset());
    let items = query.build_query_as().fetch_all(connection).await?;
    Ok(Search { items, facets, total, instead: None })
}

/// Numbers are told by ranges, prices within their currency.
const FACETS: &str = "select facet, value, count from (
    select facet, value, count(*) as count,
        row_number() over (partition by facet order by count(*) desc, value) as place
    from matching, lateral (values
        ('brand', brand), ('distillery', distillery), ('region', region),
        ('category', category), ('status', status),
        ('age', case when age < 10 then '0-9' when age < 18 then '10-17'
            when age < 25 then '18-24' when age >= 25 then '25-' end),
        ('vintage', (vintage / 10 * 10) || '-' || (vintage / 10 * 10 + 9)),
        ('price', currency || ' ' || case when price < 1000 then '0-999'
            when price < 10000 then '1000-9999' when price < 100000 then '10000-99999'
            else '100000-' end)
    ) as f (facet, value)
    where value is not null
    group by facet, value
) ranked where place <= ";

/// What was meant, if words that nothing has look like words that something has.
async fn meant(
    connection: &mut PgConnection,
    tenant: TenantId,
    typed: &[Word],
) -> Result<(Option<String>, String), ReadError> {
    let (mut terms, mut instead, mut changed) = (Vec::new(), Vec::new(), false);
    let last = typed.len().saturating_sub(1);
    for (index, word) in typed.iter().enumerate() {
        if is_known(connection, tenant, word, index == last).await? {
            terms.extend(question(std::slice::from_ref(word)));
            instead.push(word.text.clone());
            continue;
        }
        let alike: Vec<(String,)> = sqlx::query_as(
            "select word from read_whiskeys.words where tenant = $1 and word operator(public.%) $2
             order by word operator(public.<->) $2, word limit $3",
        )
        .bind(tenant.value())
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
    tenant: TenantId,
    word: &Word,
    as_beginning: bool,
) -> Result<bool, ReadError> {
    // The collation of the key is the database's; beginnings are compared as bytes.
    let (known,): (bool,) = sqlx::query_as(
        "select exists (select from read_whiskeys.words where tenant = $1
             and (word = $2 or word = $3 or ($4 and starts_with(word, $2))))",
    )
    .bind(tenant.value())
    .bind(&word.text)
    .bind(&word.stem)
    .bind(as_beginning)
    .fetch_one(connection)
    .await?;
    Ok(known)
}
