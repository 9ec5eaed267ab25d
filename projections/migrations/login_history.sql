-- Who came in, and who tried to. Where from is null once its owner has been erased.
create table login_history (
    position bigint primary key,
    tenant bigint not null,
    user_id bigint not null,
    at timestamptz not null,
    status text not null,
    session_id bigint,
    device_id bigint,
    address text,
    user_agent text
);
create index login_history_of_user on login_history (tenant, user_id, at desc, position desc);
alter table login_history enable row level security;
create policy one_tenant on login_history for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);
