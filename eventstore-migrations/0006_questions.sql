-- Questions that may be answered once, such as what a wallet is to sign. Only a digest is kept, until
-- the answer comes or the time is over. Nothing here has to outlive a crash: who lost a question asks
-- for another.
create unlogged table eventstore.questions (
    digest bytea primary key check (octet_length(digest) = 32),
    expires_at timestamptz not null
);
create index questions_by_end on eventstore.questions (expires_at);

create function eventstore.ask(of_digest bytea, life interval) returns void
language sql
security definer
set search_path = eventstore, pg_temp
as $$
    insert into questions (digest, expires_at) values (of_digest, clock_timestamp() + life)
    on conflict do nothing
$$;

-- Whether the question was open. Of two that answer at once, one waits for the other's row and finds
-- none.
create function eventstore.answer(of_digest bytea) returns boolean
language sql
security definer
set search_path = eventstore, pg_temp
as $$
    with answered as (delete from questions where digest = of_digest returning expires_at)
    select coalesce(bool_or(expires_at > clock_timestamp()), false) from answered
$$;

create function eventstore.forget_questions() returns void
language sql
security definer
set search_path = eventstore, pg_temp
as $$
    delete from questions where expires_at < now()
$$;

revoke all on function eventstore.ask, eventstore.answer, eventstore.forget_questions from public;
grant execute on function eventstore.ask, eventstore.answer, eventstore.forget_questions
    to caskchain_log;

-- The lanes there are, found without reading the log: whoever pauses a network begins here.
create index events_lane_opened on eventstore.events (position)
where event_type = 'lane.opened';
