-- People, as they may be shown. What is personal is null once it has been erased.
create table users (
    user_id bigint primary key,
    tenant bigint not null,
    sequence bigint not null,
    status text not null,
    roles text[] not null,
    email text,
    username text,
    full_name text,
    phone text,
    language text not null,
    registered_at timestamptz not null,
    email_verified_at timestamptz,
    -- As its owner was told; wrong passwords are counted elsewhere.
    locked_until timestamptz
);
-- People are looked for by how their address or names begin, in small letters of any script: the
-- database's own locale may know ASCII only.
create index users_by_email on users (tenant, lower(email collate "und-x-icu") text_pattern_ops);
create index users_by_username on users (tenant, lower(username collate "und-x-icu") text_pattern_ops);
create index users_by_full_name on users (tenant, lower(full_name collate "und-x-icu") text_pattern_ops);
alter table users enable row level security;
create policy one_tenant on users for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);
