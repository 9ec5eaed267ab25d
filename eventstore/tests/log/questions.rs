//! Questions that may be answered once.

use std::time::Duration;

use eventstore::database::{self, Role};

use super::servers::{Process, database};

const LIFE: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn of_many_answers_at_once_one_counts() {
    let database = database().await;
    let (one, other) = (Process::start(&database.url), Process::start(&database.url));
    for number in 0..20 {
        let digest = [number; 32];
        one.store.questions().ask(&digest, LIFE).await.unwrap();
        let answers = (0..8).map(|at| {
            let process = if at % 2 == 0 { one.clone() } else { other.clone() };
            tokio::spawn(async move { process.store.questions().answer(&digest).await.unwrap() })
        });
        let answers = futures::future::join_all(answers).await;
        assert_eq!(answers.into_iter().filter(|counted| *counted.as_ref().unwrap()).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_asked_or_has_run_out_is_not_open_and_is_forgotten() {
    let database = database().await;
    let process = Process::start(&database.url);
    let questions = process.store.questions();
    assert!(!questions.answer(&[1; 32]).await.unwrap());
    questions.ask(&[2; 32], Duration::ZERO).await.unwrap();
    questions.ask(&[3; 32], Duration::ZERO).await.unwrap();
    questions.ask(&[4; 32], LIFE).await.unwrap();
    assert!(!questions.answer(&[2; 32]).await.unwrap());
    sqlx::raw_sql("select eventstore.forget_questions()").execute(&process.pool).await.unwrap();
    let mut owner = database.owner().await;
    let (left,): (i64,) = sqlx::query_as("select count(*) from eventstore.questions")
        .fetch_one(&mut owner)
        .await
        .unwrap();
    assert_eq!(left, 1);
    assert!(questions.answer(&[4; 32]).await.unwrap());
    assert!(!questions.answer(&[4; 32]).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_write_side_asks_and_nobody_looks_at_what_was_asked() {
    let database = database().await;
    let calls = [
        "select eventstore.ask('\\x00', interval '1 minute')",
        "select eventstore.answer('\\x00')",
        "select eventstore.forget_questions()",
    ];
    for role in [Role::Projector, Role::Reader] {
        let pool = database::pool(&database.url, role, 1).unwrap();
        for call in calls {
            assert!(is_forbidden(&pool, call).await, "{role:?}: {call}");
        }
    }
    for role in [Role::Log, Role::Projector, Role::Reader] {
        let pool = database::pool(&database.url, role, 1).unwrap();
        for attempt in [
            "select * from eventstore.questions",
            "insert into eventstore.questions values ('\\x00', now())",
            "delete from eventstore.questions",
        ] {
            assert!(is_forbidden(&pool, attempt).await, "{role:?}: {attempt}");
        }
    }
}

async fn is_forbidden(pool: &sqlx::PgPool, statement: &str) -> bool {
    let error = sqlx::raw_sql(statement).execute(pool).await.unwrap_err();
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "42501")
}
