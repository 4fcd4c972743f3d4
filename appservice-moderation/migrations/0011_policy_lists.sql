-- Which policy lists are followed, and what came of them.

-- A policy list is a room whose rules are followed here.
create table if not exists policy_lists (
    room_id varbinary(255) not null,
    effects varbinary(64) not null,
    state varbinary(16) not null,
    added_by varbinary(255) not null,
    added_at bigint not null,
    primary key (room_id)
);

-- A hit is what came of a rule of a list: for somebody in a room, for servers in a room, or (without a room)
-- for the whole server. It stays until no list has such a rule any more, also if people took back what was done:
-- so it is not done again.
create table if not exists list_hits (
    room_id varbinary(255) not null,
    kind varbinary(16) not null,
    target varbinary(512) not null,
    list_id varbinary(255) not null,
    event_id varbinary(255) not null,
    cause varbinary(255) not null,
    is_opened boolean not null,
    created_at bigint not null,
    primary key (room_id, kind, target),
    key by_target (target),
    key by_cause (cause),
    key by_list (list_id)
);
