-- A read receipt: `kind` 1 public, 2 private; `thread` is '' (none), 'main' or a root event ID.
create table if not exists receipts (
    room_nid bigint not null,
    user_nid bigint not null,
    kind tinyint not null,
    thread varbinary(255) not null,
    event_id varbinary(255) not null,
    event_position bigint not null,
    ts bigint not null,
    position bigint not null,
    primary key (room_nid, user_nid, kind, thread),
    key receipts_position (room_nid, position)
);

-- A piece of account data; `room_nid` 0 is global. Deleted data has the content `{}`.
create table if not exists account_data (
    user_nid bigint not null,
    room_nid bigint not null,
    type varbinary(255) not null,
    content mediumblob not null,
    position bigint not null,
    primary key (user_nid, room_nid, type),
    key account_data_position (user_nid, position)
);

-- A message from device to device, until its receiver has acknowledged it.
create table if not exists to_device_messages (
    user_nid bigint not null,
    device_id varbinary(255) not null,
    position bigint not null,
    content mediumblob not null,
    primary key (user_nid, device_id, position)
);

-- A change of a user's devices or keys.
create table if not exists device_list_changes (
    position bigint not null,
    user_nid bigint not null,
    primary key (position),
    key device_list_changes_user (user_nid, position)
);
