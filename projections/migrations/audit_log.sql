-- Who did what. Personal data stands here as in the events: a reference to the vault.
create table audit_log (
    position bigint primary key,
    tenant bigint not null,
    at timestamptz not null,
    actor_type text not null,
    actor text not null,
    session_id bigint,
    action text not null,
    entity_type text not null,
    entity_id text not null,
    -- The fields the event changed, as they were and as they are.
    before jsonb not null,
    after jsonb not null,
    -- Null unless the event itself says where it came from.
    address jsonb,
    user_agent jsonb
);
create index audit_log_of_tenant on audit_log (tenant, position desc);
create index audit_log_of_entity on audit_log (tenant, entity_type, entity_id, position desc);
create index audit_log_of_actor on audit_log (tenant, actor, position desc);
create index audit_log_of_action on audit_log (tenant, action, position desc);
alter table audit_log enable row level security;
create policy one_tenant on audit_log for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);

-- What is known of each entity, for the next change.
create table entities (
    tenant bigint not null,
    entity_type text not null,
    entity_id text not null,
    fields jsonb not null,
    primary key (tenant, entity_type, entity_id)
);
alter table entities enable row level security;
create policy one_tenant on entities for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);

-- Where each session was opened from.
create table sessions (
    session_id bigint primary key,
    tenant bigint not null,
    address jsonb,
    user_agent jsonb
);
alter table sessions enable row level security;
create policy one_tenant on sessions for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);
