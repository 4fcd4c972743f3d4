-- A room that was ever seen, and the number it is known by.
create table if not exists rooms (
    room_nid bigint not null,
    room_id varbinary(255) not null,
    version varbinary(32) not null,
    created_at bigint not null,
    primary key (room_nid),
    unique key rooms_room_id (room_id)
);

-- Where a room's graph ends. `version_no` guards against two processes that write one room:
-- each write states the number it read and adds one. `extremities` is packed (event number,
-- depth, event ID); `snapshot_nid` is the current state.
create table if not exists room_heads (
    room_nid bigint not null,
    version_no bigint not null,
    snapshot_nid bigint not null,
    extremities mediumblob not null,
    primary key (room_nid)
);

-- A pair of event type and state key, and the number it is known by.
create table if not exists state_keys (
    state_key_nid bigint not null,
    type varbinary(255) not null,
    state_key varbinary(255) not null,
    primary key (state_key_nid),
    unique key state_keys_key (type, state_key)
);

-- An event as a PDU. `position` is null for events outside the timeline: outliers, rejected and
-- soft-failed ones. `snapshot_nid` is the state before the event. `unsigned_json` is what clients are
-- told beside it. Flags: 1 rejected, 2 soft-failed, 4 outlier, 8 redacted.
create table if not exists events (
    event_nid bigint not null,
    event_id varbinary(255) not null,
    room_nid bigint not null,
    sender_nid bigint not null,
    type varbinary(255) not null,
    state_key_nid bigint null,
    depth bigint not null,
    origin_server_ts bigint not null,
    position bigint null,
    snapshot_nid bigint null,
    flags int not null,
    device_id varbinary(255) null,
    txn_id varbinary(255) null,
    unsigned_json mediumblob null,
    json mediumblob not null,
    primary key (event_nid),
    unique key events_event_id (event_id),
    key events_position (room_nid, position),
    key events_log (position),
    key events_time (room_nid, origin_server_ts)
);

-- The authorisation edges of one state event: packed event numbers. Clustered by room, so that a
-- room's whole graph is read in one range.
create table if not exists event_auth (
    room_nid bigint not null,
    event_nid bigint not null,
    auth_nids varbinary(1024) not null,
    primary key (room_nid, event_nid)
);

-- A state of a room, stored as a difference: level 0 is whole, level 1 changes a level 0, level 2
-- changes a level 1, or a level 0 if the room has no level 1 yet. `entries` is pairs of state key
-- number and event number, sorted, packed as differences; event number 0 means removed.
create table if not exists state_snapshots (
    snapshot_nid bigint not null,
    room_nid bigint not null,
    parent_nid bigint null,
    level tinyint not null,
    entries longblob not null,
    primary key (snapshot_nid),
    key state_snapshots_room (room_nid, level)
);

-- One entry of a room's current state.
create table if not exists current_state (
    room_nid bigint not null,
    state_key_nid bigint not null,
    event_nid bigint not null,
    primary key (room_nid, state_key_nid)
);

-- A user's current membership of a room: 1 join, 2 invite, 3 knock, 4 leave, 5 ban.
create table if not exists room_members (
    room_nid bigint not null,
    user_nid bigint not null,
    membership tinyint not null,
    event_nid bigint not null,
    position bigint not null,
    is_local tinyint not null,
    forgotten tinyint not null default 0,
    primary key (room_nid, user_nid),
    key room_members_user (user_nid, membership, room_nid),
    key room_members_local (room_nid, is_local, membership)
);

-- What an invited or knocking user may know of a room: a JSON array of stripped state events.
create table if not exists stripped_state (
    user_nid bigint not null,
    room_nid bigint not null,
    content mediumblob not null,
    primary key (user_nid, room_nid)
);

-- A relation between two events; the target need not be known. It ends when the event is redacted.
create table if not exists event_relations (
    room_nid bigint not null,
    target_id varbinary(255) not null,
    rel_type varbinary(255) not null,
    position bigint not null,
    event_nid bigint not null,
    sender_nid bigint not null,
    type varbinary(255) not null,
    aggregation_key varbinary(255) null,
    primary key (room_nid, target_id, rel_type, position, event_nid),
    unique key event_relations_event (event_nid),
    key event_relations_type (room_nid, rel_type, position)
);

-- A redaction and the event it is meant for, which need not be known yet.
create table if not exists redactions (
    target_id varbinary(255) not null,
    event_nid bigint not null,
    primary key (target_id, event_nid)
);

-- A request of one device that was carried out, so that it is not carried out again.
create table if not exists transactions (
    user_nid bigint not null,
    device_id varbinary(255) not null,
    room_nid bigint not null,
    txn_id varbinary(255) not null,
    event_id varbinary(255) not null,
    created_at bigint not null,
    primary key (user_nid, device_id, room_nid, txn_id),
    key transactions_age (created_at)
);
