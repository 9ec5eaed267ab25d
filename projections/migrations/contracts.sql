-- Contracts: those that were asked for here, and those whose tokens are followed. They are the
-- platform's, and everybody may know them.
create table deployments (
    id bigint primary key,
    network text not null,
    chain_id bigint not null,
    name text not null,
    symbol text not null,
    admin text not null,
    status text not null,
    requested_at timestamptz not null,
    signer text,
    nonce bigint,
    address text,
    tx_hash text,
    block_number bigint,
    gas_used bigint,
    effective_gas_price text,
    failure text
);
create index deployments_by_address on deployments (chain_id, address);

-- Heads of the ledger that contracts keep for good.
create table anchors (
    chain_id bigint not null,
    address text not null,
    size bigint not null,
    root text not null,
    tx_hash text not null,
    block_number bigint not null,
    gas_used bigint not null,
    effective_gas_price text not null,
    primary key (chain_id, address, size)
);

create table followed (
    chain_id bigint not null,
    address text not null,
    network text not null,
    -- Every movement of a token up to this final block is in the log.
    block bigint not null,
    primary key (chain_id, address)
);
