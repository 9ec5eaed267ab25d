-- Who asked for a mint, found without reading the log: the sweep for forgotten ones begins here.
create index events_mint_requested on eventstore.events (position)
where event_type = 'nft.mint_requested';
