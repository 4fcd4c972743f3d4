-- A room that an application service shows under one of its networks, `network_id` as the application
-- service names it. What is told of it stands in `published_rooms`.
create table if not exists network_rooms (
    service_id varbinary(200) not null,
    network_id varbinary(255) not null,
    room_nid bigint not null,
    primary key (service_id, network_id, room_nid),
    key network_rooms_room (room_nid)
);

-- A row of `published_rooms` is on the server's own list only where `is_listed` is set; the others are
-- there for networks. The column may be there already: a migration that was interrupted is run again.
set @statement = if(
    (select count(*) from information_schema.columns
     where table_schema = database() and table_name = 'published_rooms' and column_name = 'is_listed') = 0,
    'alter table published_rooms add column is_listed tinyint not null default 1',
    'do 0'
);
prepare migration from @statement;
execute migration;
deallocate prepare migration;
