-- What is misspelt is found by the three-letter pieces it shares with what was meant. The read models
-- use it; only the database's owner may install it.
create extension if not exists pg_trgm schema public;
