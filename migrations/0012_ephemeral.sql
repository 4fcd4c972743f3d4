-- What is to be remembered of a user's presence: whether they chose to look offline, what they say
-- of their status, and when they were last active (ms since the epoch). Written now and then; what
-- counts is in memory.
create table if not exists presence (
    user_nid bigint not null,
    is_hidden tinyint not null,
    status_msg varbinary(4096) null,
    last_active_at bigint not null,
    primary key (user_nid)
);

-- What a user has not read in a room, counted up to `position`: JSON. Written now and then, so that
-- nobody counts a room's history again.
create table if not exists unread_counts (
    user_nid bigint not null,
    room_nid bigint not null,
    position bigint not null,
    content mediumblob not null,
    primary key (user_nid, room_nid)
);

-- An application that is told of a user's notifications. `pushkey` and `data` are encrypted;
-- `pushkey_hash` is the key's keyed hash. It ends with its device. While notifications wait for it,
-- they are those after `position`; `failing_since` is when their delivery first failed.
create table if not exists pushers (
    user_nid bigint not null,
    app_id varbinary(64) not null,
    pushkey_hash binary(32) not null,
    pushkey varbinary(1024) not null,
    device_id varbinary(255) null,
    kind varbinary(64) not null,
    app_display_name varbinary(1024) not null,
    device_display_name varbinary(1024) not null,
    profile_tag varbinary(255) null,
    lang varbinary(64) not null,
    data mediumblob not null,
    updated_at bigint not null,
    failing_since bigint null,
    position bigint null,
    primary key (user_nid, app_id, pushkey_hash),
    key pushers_pushkey (app_id, pushkey_hash)
);

-- A reader of the log that goes on where it stopped: everything up to `position` is dealt with.
create table if not exists log_readers (
    name varbinary(64) not null,
    position bigint not null,
    primary key (name)
);
