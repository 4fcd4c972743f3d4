-- What operators chose about protections, and what these remember.

-- A change is another value of an option than the configuration has: in one room, or (without one) in all.
create table if not exists protection_changes (
    room_id varbinary(255) not null,
    path varbinary(128) not null,
    value mediumblob not null,
    changed_by varbinary(255) not null,
    changed_at bigint not null,
    primary key (room_id, path)
);

-- A recent account is one of this server that was made lately; who is not here has an old one.
create table if not exists recent_accounts (
    user_id varbinary(255) not null,
    created_at bigint not null,
    primary key (user_id),
    key by_time (created_at)
);
