-- Sign-ins that were opened.
create table sessions (
    session_id bigint primary key,
    tenant bigint not null,
    user_id bigint not null,
    device_id bigint,
    address text,
    user_agent text,
    remember_me boolean not null,
    opened_at timestamptz not null,
    used_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz
);
create index sessions_of_user on sessions (tenant, user_id, opened_at desc);
alter table sessions enable row level security;
create policy one_tenant on sessions for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);
