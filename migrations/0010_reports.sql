-- What a local user finds inappropriate. `kind`: 1 an event, 2 a room, 3 a user. `room_nid`, `event_id`
-- and `user_nid` say which; `user_nid` is the sender of a reported event. `content` is a reported event
-- as its reporter saw it, JSON, because the sender may redact it.
create table if not exists reports (
    report_nid bigint not null,
    kind tinyint not null,
    reporter_nid bigint not null,
    room_nid bigint null,
    event_id varbinary(255) null,
    user_nid bigint null,
    reason varbinary(4096) not null,
    content mediumblob null,
    created_at bigint not null,
    primary key (report_nid),
    key reports_age (created_at, report_nid),
    key reports_room (room_nid, created_at),
    key reports_user (user_nid, created_at)
);
insert ignore into id_blocks (kind, next_id) values ('report', 1);
