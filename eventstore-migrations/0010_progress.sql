-- How far each reaction has come with the stream of events. JetStream knows, too; this is for the day on
-- which the stream has to be made anew, so that nobody is written to twice.
create table eventstore.progress (
    reaction text primary key,
    position bigint not null
);
grant select, insert, update on eventstore.progress to caskchain_log;
