-- Signed heads that later ones continue are forgotten: of every hour the last stays, and the last that a
-- witness signed, and of all of them the newest of each. Until now every witnessed head was kept for ever.
create or replace function eventstore.forget_checkpoints() returns void
language sql
security definer
set search_path = eventstore, pg_temp
as $$
    delete from checkpoints c
    using (
        select size, row_number() over (
            partition by date_trunc('hour', signed_at),
                exists (select from cosignatures s where s.size = k.size)
            order by size desc
        ) as of_hour
        from checkpoints k
        where signed_at < now() - interval '1 hour'
    ) old
    where old.size = c.size and old.of_hour > 1
        and c.size < (select max(size) from checkpoints)
        and c.size is distinct from (select max(size) from cosignatures)
$$;
