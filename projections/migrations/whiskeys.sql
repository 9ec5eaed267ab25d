-- Casks. Columns for what lists are filtered and sorted by; the rest as it was registered.
create table whiskeys (
    whiskey_id bigint primary key,
    tenant bigint not null,
    sequence bigint not null,
    owner bigint not null,
    status text not null,
    name text not null,
    distillery text not null,
    category text not null,
    original_litres_of_alcohol numeric(15, 2) not null,
    -- Null until it was measured again.
    regauged_litres_of_alcohol numeric(15, 2),
    details jsonb not null,
    offered_to bigint,
    retire_reason text,
    rejection_reason text,
    network text,
    registered_at timestamptz not null,
    changed_at timestamptz not null
);
create index whiskeys_by_age on whiskeys (tenant, whiskey_id desc);
create index whiskeys_of_owner on whiskeys (tenant, owner, whiskey_id desc);
alter table whiskeys enable row level security;
create policy one_tenant on whiskeys for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);
