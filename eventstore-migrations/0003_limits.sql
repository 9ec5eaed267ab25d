-- Counters that are exact over all processes: requests and failures by client address. The keys are
-- keyed digests. Nothing here has to outlive a crash.
create unlogged table eventstore.limits (
    key bytea primary key,
    -- When, within the span that counts.
    times timestamptz[] not null,
    blocked_until timestamptz not null default '-infinity'
);

-- Takes one of `allowed` within any `span`, unless the key is blocked. Who comes second waits for
-- the row, so that there are never more.
create function eventstore.take(of_key bytea, allowed integer, span interval)
returns table (taken boolean, remaining integer, frees_at timestamptz, blocked_until timestamptz)
language plpgsql
security definer
set search_path = eventstore, pg_temp
as $$
#variable_conflict use_column
declare
    kept timestamptz[];
    until timestamptz;
    moment timestamptz;
begin
    insert into limits as l (key, times) values (of_key, '{}')
    on conflict (key) do update set key = excluded.key
    returning l.times, l.blocked_until into kept, until;
    moment := clock_timestamp();
    kept := array(select t from unnest(kept) as t where t > moment - span order by t);
    taken := until <= moment and cardinality(kept) < allowed;
    if taken then
        kept := kept || moment;
        update limits l set times = kept where l.key = of_key;
    end if;
    remaining := allowed - cardinality(kept);
    frees_at := coalesce(kept[1], moment) + span;
    blocked_until := nullif(greatest(until, moment), moment);
    return next;
end
$$;

-- Counts a failure. The last one allowed within `span` blocks `of_block` for as long.
create function eventstore.strike(
    of_key bytea, of_block bytea, allowed integer, span interval
)
returns void
language plpgsql
security definer
set search_path = eventstore, pg_temp
as $$
declare
    kept timestamptz[];
    moment timestamptz;
begin
    insert into limits as l (key, times) values (of_key, '{}')
    on conflict (key) do update set key = excluded.key
    returning l.times into kept;
    moment := clock_timestamp();
    kept := array(select t from unnest(kept) as t where t > moment - span order by t) || moment;
    if cardinality(kept) >= allowed then
        kept := '{}';
        insert into limits as l (key, times, blocked_until) values (of_block, '{}', moment + span)
        on conflict (key) do update set blocked_until = excluded.blocked_until;
    end if;
    update limits l set times = kept where l.key = of_key;
end
$$;

-- What no longer counts.
create function eventstore.forget_limits() returns void
language sql
security definer
set search_path = eventstore, pg_temp
as $$
    delete from limits
    where blocked_until < now() and coalesce(times[cardinality(times)], '-infinity') < now() - interval '1 day'
$$;

revoke all on function eventstore.take, eventstore.strike, eventstore.forget_limits from public;
grant execute on function eventstore.take, eventstore.strike, eventstore.forget_limits
    to caskchain_log;
