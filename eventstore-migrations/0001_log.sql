-- The log: events in one order, everything the log adds to them, and the only way in.
--
-- Three roles, none of which can log in or owns anything here. Whoever runs caskchain is a member
-- of them and takes one per connection pool:
--   caskchain_log        appends through append(), reads the log, keeps the vault
--   caskchain_projector  owns the read models, reads the log
--   caskchain_reader     reads the read models of one tenant at a time
do $$
declare
    role_name text;
begin
    foreach role_name in array array['caskchain_log', 'caskchain_projector', 'caskchain_reader'] loop
        begin
            execute format('create role %I nologin', role_name);
        exception
            -- Roles belong to the whole server: another database, or another process at this
            -- very moment, may have made them.
            when duplicate_object or unique_violation then null;
        end;
    end loop;
end
$$;

-- The projector makes a schema for each generation of a read model.
do $$
begin
    execute format('grant create on database %I to caskchain_projector', current_database());
end
$$;

create schema eventstore;
grant usage on schema eventstore to caskchain_log, caskchain_projector;

-- The one row that orders all appenders. Its lock is held from the check of a batch to its commit,
-- so positions become visible in their own order and without gaps.
create table eventstore.log (
    log_id smallint primary key check (log_id = 1),
    next_position bigint not null,
    recorded_at timestamptz not null
);
insert into eventstore.log values (1, 0, to_timestamp(0));

create table eventstore.tenant_log (
    tenant bigint primary key,
    next_position bigint not null
);

create table eventstore.events (
    position bigint primary key,
    tenant bigint not null,
    tenant_position bigint not null,
    aggregate_type text collate "C" not null,
    aggregate_id text collate "C" not null,
    sequence bigint not null,
    event_type text not null,
    schema_version integer not null,
    recorded_at timestamptz not null,
    -- The stored bytes: what is hashed, published and handed to auditors. The columns above only
    -- repeat them for the database's sake.
    envelope text not null,
    leaf bytea not null,
    -- An id belongs to one tenant, so the tenant is not part of the stream's key.
    constraint events_stream unique (aggregate_type, aggregate_id, sequence)
);
-- Dense within the tenant; unique so that a mistake would stop the append instead of the audit.
create unique index events_tenant_position on eventstore.events (tenant, tenant_position);
-- Envelopes are small and read often; compressing them costs more than it saves.
alter table eventstore.events alter column leaf set storage plain;

-- Names that only one aggregate of a tenant may hold: e-mail, username, telephone. What is kept is
-- a keyed digest, and it goes when its holder is erased.
create table eventstore.claims (
    tenant bigint not null,
    kind text not null,
    digest bytea not null,
    holder text not null,
    primary key (tenant, kind, digest)
);
create index claims_holder on eventstore.claims (tenant, holder);

-- What was answered to which key, for a day.
create table eventstore.idempotency (
    tenant bigint not null,
    actor text not null,
    key text not null,
    request_digest bytea not null,
    answer text not null,
    position bigint not null,
    recorded_at timestamptz not null,
    primary key (tenant, actor, key)
);
create index idempotency_age on eventstore.idempotency (recorded_at);

-- Data keys, wrapped, one per subject and purpose; and what is sealed under them.
create table eventstore.vault_keys (
    tenant bigint not null,
    subject bigint not null,
    purpose text not null,
    wrapped_key bytea not null,
    primary key (tenant, subject, purpose)
);

create table eventstore.vault (
    tenant bigint not null,
    subject bigint not null,
    purpose text not null,
    hash bytea not null,
    ciphertext bytea not null,
    primary key (tenant, subject, purpose, hash)
);

create table eventstore.snapshots (
    aggregate_type text not null,
    aggregate_id text not null,
    schema_version integer not null,
    tenant bigint not null,
    sequence bigint not null,
    state text not null,
    primary key (aggregate_type, aggregate_id, schema_version)
);

-- The seven columns that postgres-es reads a stream by.
create view eventstore.streams as
select
    aggregate_type,
    aggregate_id,
    sequence,
    event_type,
    schema_version::text as event_version,
    envelope::json -> 'data' as payload,
    json_build_object('tenant', tenant::text) as metadata
from eventstore.events;

-- The leaf of an event, 68 bytes: "caskev1" and a zero byte, flags (u32, none yet), tenant (u64),
-- tenant position (u64), recordedAt in milliseconds since 1970 (i64), all big-endian, and the
-- SHA-256 of the envelope. With its index, which is the position, it commits to everything the log
-- adds.
create function eventstore.leaf(
    tenant bigint, tenant_position bigint, recorded_at_ms bigint, envelope text
)
returns bytea
language sql
-- Not immutable: "convert_to" is not, and then this could not be inlined into the append.
stable
parallel safe
as $$
    select '\x6361736b6576310000000000'::bytea || int8send(tenant) || int8send(tenant_position)
        || int8send(recorded_at_ms) || sha256(convert_to(envelope, 'UTF8'))
$$;

-- Appends a batch of commands, each whole or not at all, and says what became of those that were
-- not appended. The arrays of one kind are parallel; `command` numbers count from 1 and ascend.
-- No two commands of a batch touch the same stream, claim or key (the appender sees to that), so a
-- command can only lose against what is committed already.
--
--   events_first           whether it is the command's first event of its stream, which must then
--                          stand just before it
--   events_tenant_ordinal  how many events of its tenant come before it in the batch
--   reads                  streams that were only read, and where they must still stand
--   claims_let_go          whether the holder gives the name up instead
--   keys_ends              how many events of the batch come up to the end of the command
--   erased                 data keys to destroy, with all that is sealed under them; the subject's
--                          claims go as well
--
-- The row of command 0 gives the position and time of the batch's first event. Beside it stands a
-- row for each command that lost:
--   repeated    the idempotency key is known; `detail` is the answer, `at_position` where it ended
--   mismatched  the idempotency key is known, for another request
--   stale       a stream is not at the expected sequence, or another process made or destroyed the
--               data key
--   claimed     somebody else holds a claim; `detail` names the kinds
create function eventstore.append(
    events_command integer[], events_tenant bigint[], events_tenant_ordinal integer[],
    events_stream_type text[], events_stream_id text[], events_sequence bigint[],
    events_first boolean[], events_type text[], events_version integer[], events_envelope text[],
    reads_command integer[], reads_type text[], reads_id text[], reads_expected bigint[],
    claims_command integer[], claims_tenant bigint[], claims_kind text[], claims_digest bytea[],
    claims_holder text[], claims_let_go boolean[],
    keys_command integer[], keys_tenant bigint[], keys_actor text[], keys_key text[],
    keys_digest bytea[], keys_answer text[], keys_ends integer[],
    data_keys_command integer[], data_keys_tenant bigint[], data_keys_subject bigint[],
    data_keys_purpose text[], data_keys_wrapped bytea[],
    sealed_command integer[], sealed_tenant bigint[], sealed_subject bigint[],
    sealed_purpose text[], sealed_hash bytea[], sealed_ciphertext bytea[],
    erased_command integer[], erased_tenant bigint[], erased_subject bigint[],
    erased_purpose text[]
)
returns table (command integer, outcome text, at_position bigint, at_time timestamptz, detail text)
language plpgsql
security definer
set search_path = eventstore, pg_temp
-- Planning a batch anew costs more than a plan made for its size could save.
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    base bigint;
    moment timestamptz;
    moment_ms bigint;
    lost integer[];
begin
    -- Orders all appenders. Whole milliseconds: what is published and what is hashed are the same.
    update log l
    set next_position = l.next_position + cardinality(events_command),
        recorded_at = greatest(date_trunc('milliseconds', clock_timestamp()), l.recorded_at)
    where l.log_id = 1
    returning l.next_position - cardinality(events_command), l.recorded_at into base, moment;
    moment_ms := extract(epoch from moment) * 1000;
    -- Each statement below sees all that was committed before the lock was taken.

    select coalesce(array_agg(e.command), '{}') into lost
    from (
        -- Here and not below "from", where PostgreSQL would copy all rows aside first.
        select unnest(events_command) as command, unnest(events_stream_type) as type,
            unnest(events_stream_id) as id, unnest(events_sequence) as sequence,
            unnest(events_first) as first
    ) e
    where e.first and e.sequence - 1 <> coalesce((
        select s.sequence from events s
        where s.aggregate_type = e.type and s.aggregate_id = e.id
        order by s.sequence desc limit 1
    ), 0);

    if cardinality(reads_command) > 0 then
        select lost || coalesce(array_agg(r.command), '{}') into lost
        from unnest(reads_command, reads_type, reads_id, reads_expected)
            as r (command, type, id, expected)
        where r.expected <> coalesce((
            select s.sequence from events s
            where s.aggregate_type = r.type and s.aggregate_id = r.id
            order by s.sequence desc limit 1
        ), 0);
    end if;

    if cardinality(data_keys_command) > 0 then
        select lost || coalesce(array_agg(k.command), '{}') into lost
        from unnest(data_keys_command, data_keys_tenant, data_keys_subject, data_keys_purpose)
            as k (command, tenant, subject, purpose)
        join vault_keys v using (tenant, subject, purpose);
    end if;
    if cardinality(sealed_command) > 0 then
        -- Sealed under a key that was destroyed meanwhile: nobody could ever open it.
        select lost || coalesce(array_agg(s.command), '{}') into lost
        from unnest(sealed_command, sealed_tenant, sealed_subject, sealed_purpose)
            as s (command, tenant, subject, purpose)
        where not exists (
            select from vault_keys k
            where (k.tenant, k.subject, k.purpose) = (s.tenant, s.subject, s.purpose)
        ) and not exists (
            select from unnest(data_keys_tenant, data_keys_subject, data_keys_purpose)
                as d (tenant, subject, purpose)
            where (d.tenant, d.subject, d.purpose) = (s.tenant, s.subject, s.purpose)
        );
    end if;
    if cardinality(lost) > 0 then
        return query select distinct l.command, 'stale', null::bigint, null::timestamptz, null::text
            from unnest(lost) as l (command);
    end if;

    if cardinality(claims_command) > 0 then
        return query
            select c.command, 'claimed', null::bigint, null::timestamptz,
                string_agg(c.kind, ',' order by c.kind)
            from unnest(claims_command, claims_tenant, claims_kind, claims_digest, claims_holder)
                as c (command, tenant, kind, digest, holder)
            join claims held using (tenant, kind, digest)
            where held.holder <> c.holder
            group by c.command;
        select lost || coalesce(array_agg(c.command), '{}') into lost
        from unnest(claims_command, claims_tenant, claims_kind, claims_digest, claims_holder)
            as c (command, tenant, kind, digest, holder)
        join claims held using (tenant, kind, digest)
        where held.holder <> c.holder;
    end if;

    if cardinality(keys_command) > 0 then
        return query
            select k.command,
                case when i.request_digest = k.digest then 'repeated' else 'mismatched' end,
                i.position, i.recorded_at, i.answer
            from unnest(keys_command, keys_tenant, keys_actor, keys_key, keys_digest)
                as k (command, tenant, actor, key, digest)
            join idempotency i using (tenant, actor, key)
            where i.recorded_at > moment - interval '24 hours';
        select lost || coalesce(array_agg(k.command), '{}') into lost
        from unnest(keys_command, keys_tenant, keys_actor, keys_key)
            as k (command, tenant, actor, key)
        join idempotency i using (tenant, actor, key)
        where i.recorded_at > moment - interval '24 hours';
    end if;

    if cardinality(lost) > 0 then
        -- Rare. The events of those that lost are taken out, and the rest numbered again.
        select
            coalesce(array_agg(e.command order by e.ordinal), '{}'),
            coalesce(array_agg(e.tenant order by e.ordinal), '{}'),
            coalesce(array_agg(e.tenant_ordinal order by e.ordinal), '{}'),
            coalesce(array_agg(e.stream_type order by e.ordinal), '{}'),
            coalesce(array_agg(e.stream_id order by e.ordinal), '{}'),
            coalesce(array_agg(e.sequence order by e.ordinal), '{}'),
            coalesce(array_agg(e.type order by e.ordinal), '{}'),
            coalesce(array_agg(e.version order by e.ordinal), '{}'),
            coalesce(array_agg(e.envelope order by e.ordinal), '{}')
        into events_command, events_tenant, events_tenant_ordinal, events_stream_type,
            events_stream_id, events_sequence, events_type, events_version, events_envelope
        from (
            select e.*,
                row_number() over (partition by e.tenant order by e.ordinal) - 1 as tenant_ordinal
            from unnest(events_command, events_tenant, events_stream_type, events_stream_id,
                    events_sequence, events_type, events_version, events_envelope)
                with ordinality as e (command, tenant, stream_type, stream_id,
                    sequence, type, version, envelope, ordinal)
            where e.command <> all (lost)
        ) e;
        select array_agg(
            (select count(*) from unnest(events_command) as e (command) where e.command <= k.command)
            order by k.ordinal
        )
        into keys_ends
        from unnest(keys_command) with ordinality as k (command, ordinal);
        update log l set next_position = base + cardinality(events_command) where l.log_id = 1;
    end if;

    insert into events
    select e.position, e.tenant, t.position, e.stream_type, e.stream_id, e.sequence, e.type,
        e.version, moment, e.envelope, leaf(e.tenant, t.position, moment_ms, e.envelope)
    from (
        select generate_series(base, base + cardinality(events_tenant) - 1) as position,
            unnest(events_tenant) as tenant, unnest(events_tenant_ordinal) as tenant_ordinal,
            unnest(events_stream_type) as stream_type, unnest(events_stream_id) as stream_id,
            unnest(events_sequence) as sequence, unnest(events_type) as type,
            unnest(events_version) as version, unnest(events_envelope) as envelope
    ) e
    left join tenant_log l on l.tenant = e.tenant
    cross join lateral (select coalesce(l.next_position, 0) + e.tenant_ordinal) as t (position);

    insert into tenant_log as t
    select e.tenant, count(*) from unnest(events_tenant) as e (tenant) group by e.tenant
    on conflict (tenant) do update set next_position = t.next_position + excluded.next_position;

    if cardinality(claims_command) > 0 then
        delete from claims held
        using unnest(claims_command, claims_tenant, claims_kind, claims_digest, claims_let_go)
            as c (command, tenant, kind, digest, let_go)
        where (held.tenant, held.kind, held.digest) = (c.tenant, c.kind, c.digest)
            and c.let_go and c.command <> all (lost);
        insert into claims (tenant, kind, digest, holder)
        select c.tenant, c.kind, c.digest, c.holder
        from unnest(claims_command, claims_tenant, claims_kind, claims_digest, claims_holder,
            claims_let_go) as c (command, tenant, kind, digest, holder, let_go)
        where not c.let_go and c.command <> all (lost)
        on conflict (tenant, kind, digest) do nothing;
    end if;

    if cardinality(keys_command) > 0 then
        insert into idempotency as i
            (tenant, actor, key, request_digest, answer, position, recorded_at)
        select k.tenant, k.actor, k.key, k.digest, k.answer, base + k.ends - 1, moment
        from unnest(keys_command, keys_tenant, keys_actor, keys_key, keys_digest, keys_answer,
            keys_ends) as k (command, tenant, actor, key, digest, answer, ends)
        where k.command <> all (lost)
        on conflict (tenant, actor, key) do update
        set request_digest = excluded.request_digest, answer = excluded.answer,
            position = excluded.position, recorded_at = excluded.recorded_at;
    end if;

    if cardinality(data_keys_command) > 0 then
        insert into vault_keys (tenant, subject, purpose, wrapped_key)
        select k.tenant, k.subject, k.purpose, k.wrapped
        from unnest(data_keys_command, data_keys_tenant, data_keys_subject, data_keys_purpose,
            data_keys_wrapped) as k (command, tenant, subject, purpose, wrapped)
        where k.command <> all (lost);
    end if;

    if cardinality(sealed_command) > 0 then
        insert into vault (tenant, subject, purpose, hash, ciphertext)
        select s.tenant, s.subject, s.purpose, s.hash, s.ciphertext
        from unnest(sealed_command, sealed_tenant, sealed_subject, sealed_purpose, sealed_hash,
            sealed_ciphertext) as s (command, tenant, subject, purpose, hash, ciphertext)
        where s.command <> all (lost);
    end if;

    if cardinality(erased_command) > 0 then
        delete from vault v
        using unnest(erased_command, erased_tenant, erased_subject, erased_purpose)
            as e (command, tenant, subject, purpose)
        where (v.tenant, v.subject, v.purpose) = (e.tenant, e.subject, e.purpose)
            and e.command <> all (lost);
        delete from vault_keys k
        using unnest(erased_command, erased_tenant, erased_subject, erased_purpose)
            as e (command, tenant, subject, purpose)
        where (k.tenant, k.subject, k.purpose) = (e.tenant, e.subject, e.purpose)
            and e.command <> all (lost);
        delete from claims c
        using unnest(erased_command, erased_tenant, erased_subject)
            as e (command, tenant, subject)
        where c.tenant = e.tenant and c.holder = e.subject::text and e.command <> all (lost);
    end if;

    return query select 0, 'appended', base, moment, null::text;
end
$$;
revoke all on function eventstore.append from public;
grant execute on function eventstore.append to caskchain_log;

-- Answers are kept for a day, and the keys to them no longer.
create function eventstore.forget_answers() returns void
language sql
security definer
set search_path = eventstore, pg_temp
as $$
    delete from idempotency where recorded_at < now() - interval '24 hours'
$$;
revoke all on function eventstore.forget_answers from public;
grant execute on function eventstore.forget_answers to caskchain_log;

-- Nobody rewrites history by accident either: the owner would have to drop these first.
create function eventstore.refuse_rewriting() returns trigger language plpgsql as $$
begin
    raise exception 'the log is append-only' using errcode = 'insufficient_privilege';
end
$$;
create trigger append_only before update or delete or truncate on eventstore.events
    for each statement execute function eventstore.refuse_rewriting();

grant select on eventstore.log, eventstore.tenant_log, eventstore.events, eventstore.streams,
    eventstore.claims, eventstore.idempotency, eventstore.vault_keys, eventstore.vault
    to caskchain_log;
grant select, insert, update, delete on eventstore.snapshots to caskchain_log;
grant select on eventstore.log, eventstore.events, eventstore.vault_keys, eventstore.vault
    to caskchain_projector;
