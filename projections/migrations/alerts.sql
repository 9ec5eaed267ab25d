-- What an administrator should look at.
create table alerts (
    position bigint primary key,
    tenant bigint not null,
    kind text not null,
    user_id bigint not null,
    session_id bigint,
    at timestamptz not null
);
create index alerts_of_tenant on alerts (tenant, position desc);
alter table alerts enable row level security;
create policy one_tenant on alerts for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);
