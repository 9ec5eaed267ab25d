-- Casks that are there, whose they are and what they are worth.
create table casks (
    whiskey_id bigint primary key,
    tenant bigint not null,
    owner bigint not null,
    -- Both null if nobody has said what it is worth.
    amount numeric(19, 4),
    currency text
);
create index casks_of_owner on casks (tenant, owner);
alter table casks enable row level security;
create policy one_tenant on casks for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);

-- By how much a person's casks became more on a day (UTC), or less. Changes and not balances, so that
-- the order in which casks are folded does not matter.
create table changes (
    tenant bigint not null,
    owner bigint not null,
    -- Empty for casks without a value.
    currency text not null,
    day date not null,
    value numeric(38, 4) not null,
    casks bigint not null,
    primary key (tenant, owner, currency, day)
);
alter table changes enable row level security;
create policy one_tenant on changes for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);
