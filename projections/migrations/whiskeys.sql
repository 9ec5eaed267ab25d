-- Casks. Columns for what lists are filtered and sorted by; the rest as it was registered.
create table whiskeys (
    whiskey_id bigint primary key,
    tenant bigint not null,
    -- The how-manieth of its tenant it is, from 0.
    number bigint not null,
    sequence bigint not null,
    owner bigint not null,
    status text not null,
    name text not null,
    brand text,
    distillery text not null,
    region text,
    category text not null,
    age smallint,
    vintage smallint,
    price numeric(19, 4),
    currency text,
    -- The words it is found by, and what it is filtered by, as words nobody types.
    words tsvector not null,
    original_litres_of_alcohol numeric(15, 2) not null,
    -- Null until it was measured again.
    regauged_litres_of_alcohol numeric(15, 2),
    details jsonb not null,
    offered_to bigint,
    retire_reason text,
    attachments jsonb not null default '[]',
    rejection_reason text,
    network text,
    registered_at timestamptz not null,
    changed_at timestamptz not null
);
-- Each is read from both ends, and from any cask on.
create index whiskeys_in_time on whiskeys (tenant, whiskey_id);
create index whiskeys_of_owner on whiskeys (tenant, owner, whiskey_id);
create index whiskeys_at_status on whiskeys (tenant, status, whiskey_id);
create index whiskeys_by_name on whiskeys (tenant, name, whiskey_id);
create index whiskeys_by_age on whiskeys (tenant, age, whiskey_id);
create index whiskeys_by_vintage on whiskeys (tenant, vintage, whiskey_id);
create index whiskeys_by_price on whiskeys (tenant, price, whiskey_id);
create index whiskeys_by_words on whiskeys using gin (words);
-- What casks are found by, and how many are found by it: words as they were written, what is left of
-- them without their endings, and marks. Compared as bytes, so that beginnings are found by the key.
-- Counts change all the time and have to fit beside what they were.
create table words (
    tenant bigint not null,
    word text collate "C" not null,
    casks bigint not null,
    written boolean not null,
    primary key (tenant, word)
) with (fillfactor = 50);
create index words_alike on words using gin (word public.gin_trgm_ops) where written;
-- How many casks a tenant has.
create table cellars (
    tenant bigint primary key,
    casks bigint not null
);
alter table words enable row level security;
create policy one_tenant on words for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);
alter table cellars enable row level security;
create policy one_tenant on cellars for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);
alter table whiskeys enable row level security;
create policy one_tenant on whiskeys for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);
-- The same rows, for lists and search. Under a policy PostgreSQL uses no index whose operator might
-- tell something of other rows, as @@ and % might, and reads every cask instead.
create view whiskeys_of_tenant as select * from whiskeys
    where tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint;
create view words_of_tenant as select * from words
    where tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint;
-- For search alone, which goes by words and by no other index: sums have none.
create view whiskeys_by_word as select * from whiskeys
    where tenant + 0 = nullif(current_setting('caskchain.tenant', true), '')::bigint;
create view cellar_of_tenant as select * from cellars
    where tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint;
