-- Who may do what, and where.

-- A role lets a user of the server moderate, beside its administrators, who need none.
create table if not exists roles (
    user_id varbinary(255) not null,
    role varbinary(32) not null,
    granted_by varbinary(255) not null,
    granted_at bigint not null,
    primary key (user_id)
);

-- A token lets a program act for a user, within the role that it names.
create table if not exists tokens (
    token_id varbinary(32) not null,
    hash varbinary(32) not null,
    user_id varbinary(255) not null,
    role varbinary(32) not null,
    label varchar(100) not null,
    created_at bigint not null,
    expires_at bigint null,
    revoked_at bigint null,
    last_used_at bigint null,
    primary key (token_id),
    unique key by_hash (hash),
    key by_user (user_id)
);

-- A protected room is one that the bot looks after.
create table if not exists protected_rooms (
    room_id varbinary(255) not null,
    is_protected boolean not null,
    added_by varbinary(255) not null,
    added_at bigint not null,
    primary key (room_id)
);

-- A direct chat is where the bot speaks to one user.
create table if not exists direct_chats (
    user_id varbinary(255) not null,
    room_id varbinary(255) not null,
    primary key (user_id),
    key by_room (room_id)
);
