-- Files. What is public is there for everybody; the rest for the tenant alone.
create table files (
    file_id bigint primary key,
    tenant bigint not null,
    sequence bigint not null,
    owner bigint not null,
    kind text not null,
    size bigint not null,
    sha256 text not null,
    name text,
    public boolean not null,
    attached_to bigint,
    -- Why the image is not shown.
    refused text,
    -- By name: null while it is being made, else what was made.
    renditions jsonb not null default '{}',
    uploaded_at timestamptz not null
);
create index files_of_owner on files (tenant, owner, file_id desc);
alter table files enable row level security;
create policy one_tenant on files for select to caskchain_reader
    using (public or tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);
