-- The tree over all leaves. Everything here but the signatures can be made again from the events.

-- How far the tree has come: what two that extend it at once fall out over.
create table eventstore.ledger (
    log_id smallint primary key check (log_id = 1),
    size bigint not null
);
insert into eventstore.ledger values (1, 0);

-- 256 hashes each, less at the right edge: a tile that is not full is the beginning of the full one.
create table eventstore.ledger_tiles (
    level smallint not null,
    number bigint not null,
    hashes bytea not null,
    primary key (level, number)
);
-- Hashes do not compress, and a row in one piece is read faster.
alter table eventstore.ledger_tiles alter column hashes set storage external;

-- Heads that were signed. Older ones are forgotten but for one of every hour; that the later ones
-- continue them is proven by the tiles.
create table eventstore.checkpoints (
    size bigint primary key,
    note text not null,
    signed_at timestamptz not null default clock_timestamp()
);
create index checkpoints_by_time on eventstore.checkpoints (signed_at);

-- What witnesses signed of them.
create table eventstore.cosignatures (
    size bigint not null references eventstore.checkpoints on delete cascade,
    witness text not null,
    line text not null,
    primary key (size, witness)
);

create function eventstore.forget_checkpoints() returns void
language sql
security definer
set search_path = eventstore, pg_temp
as $$
    delete from checkpoints c
    using (
        select size, row_number() over (partition by date_trunc('hour', signed_at) order by size desc)
            as of_hour
        from checkpoints
        where signed_at < now() - interval '1 hour'
    ) old
    where old.size = c.size and old.of_hour > 1
        and c.size < (select max(size) from checkpoints)
        and not exists (select from cosignatures s where s.size = c.size)
$$;
revoke all on function eventstore.forget_checkpoints from public;
grant execute on function eventstore.forget_checkpoints to caskchain_log;

grant select, update on eventstore.ledger to caskchain_log;
grant select, insert, update on eventstore.ledger_tiles to caskchain_log;
grant select, insert on eventstore.checkpoints, eventstore.cosignatures to caskchain_log;
