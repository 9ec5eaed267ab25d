-- What processes share beside the log: worker numbers, secrets, how far the relay has come.

-- A worker number makes snowflakes unique. Its holder promises not to give out ids of a time at or
-- after ids_until (milliseconds since 1970, by the ids' own clock), so whoever takes it later,
-- with a clock at or past that time, cannot make the same id.
create table eventstore.worker_leases (
    worker integer primary key,
    ids_until bigint not null
);
insert into eventstore.worker_leases select worker, 0 from generate_series(0, 1022) as worker;
grant select, update on eventstore.worker_leases to caskchain_log;

-- Keys the platform made for itself, wrapped under the key-encryption key.
create table eventstore.secrets (
    name text primary key,
    wrapped bytea not null
);
grant select, insert on eventstore.secrets to caskchain_log;

-- Where the relay was some time ago, and the last position of each partition up to there. The
-- stream itself says how far it really came; this only saves reading the log from the start.
create table eventstore.relay (
    log_id smallint primary key check (log_id = 1),
    position bigint not null,
    partition_positions bigint[] not null
);
insert into eventstore.relay values (1, -1, array_fill(-1::bigint, array[64]));
grant select, update on eventstore.relay to caskchain_log;
