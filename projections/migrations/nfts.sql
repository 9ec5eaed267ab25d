-- Tokens, from the request to the verdict.
create table nfts (
    token_id bigint primary key,
    tenant bigint not null,
    sequence bigint not null,
    owner bigint not null,
    status text not null,
    network text not null,
    contract text not null,
    recipient text not null,
    -- Who holds the token by the chain's final blocks.
    holder text,
    -- The last address whose key was shown, and who did.
    shown text,
    shown_by bigint,
    -- Why the mint does not go on, while it does not.
    hold text,
    cid text,
    signer text,
    nonce bigint,
    tx_hash text,
    block_number bigint,
    block_hash text,
    gas_used bigint,
    effective_gas_price text,
    failure text,
    -- What the contract says against it, or said when it failed.
    reason text,
    requested_at timestamptz not null,
    confirmed_at timestamptz
);
create index nfts_of_owner on nfts (tenant, owner, token_id desc);
alter table nfts enable row level security;
create policy one_tenant on nfts for select to caskchain_reader
    using (tenant = nullif(current_setting('caskchain.tenant', true), '')::bigint);

-- Metadata documents. They are public: whoever sees a token may read what it stands for.
create table documents (
    token_id bigint primary key,
    cid text not null,
    document text not null
);
create index documents_by_cid on documents (cid);
