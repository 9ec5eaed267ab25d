-- Everything ever signed in a lane, by the hash of its transaction: which nonce it was to spend, what
-- for, and what else was signed for that one.
create table slots (
    lane text not null,
    nonce bigint not null,
    tenant bigint not null,
    -- What the nonce is for.
    errand text not null,
    -- The tokens among it.
    mints bigint[] not null,
    -- The attempt that stands in a final block; of somebody else, if the nonce was lost.
    winner text,
    primary key (lane, nonce)
);
alter table slots enable row level security;
create policy one_tenant on slots for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);

create table attempts (
    tx_hash text primary key,
    tenant bigint not null,
    lane text not null,
    nonce bigint not null,
    kind text not null,
    max_fee_per_gas text not null,
    max_priority_fee_per_gas text not null,
    gas_limit bigint not null,
    signed_at timestamptz not null
);
create index attempts_of_slot on attempts (lane, nonce, signed_at);
alter table attempts enable row level security;
create policy one_tenant on attempts for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);
