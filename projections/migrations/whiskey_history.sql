-- What happened to each cask, as its events say it. Nothing personal stands in them.
create table whiskey_history (
    position bigint primary key,
    tenant bigint not null,
    whiskey_id bigint not null,
    type text not null,
    at timestamptz not null,
    actor_type text not null,
    actor text not null,
    data jsonb not null
);
create index whiskey_history_of on whiskey_history (tenant, whiskey_id, position);
alter table whiskey_history enable row level security;
create policy one_tenant on whiskey_history for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);
