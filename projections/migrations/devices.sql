-- What people have signed in with. A row goes when its device is forgotten or its owner erased.
create table devices (
    device_id bigint primary key,
    tenant bigint not null,
    user_id bigint not null,
    name text,
    user_agent text,
    address text,
    trusted boolean not null,
    blocked boolean not null,
    added_at timestamptz not null,
    seen_at timestamptz not null
);
create index devices_of_user on devices (tenant, user_id, seen_at desc);
alter table devices enable row level security;
create policy one_tenant on devices for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);
