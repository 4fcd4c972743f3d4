-- The room in which the server tells a user what concerns them. There is one for each user at most, and it
-- stays theirs when they leave it.
create table if not exists server_notice_rooms (
    user_nid bigint not null,
    room_nid bigint not null,
    created_at bigint not null,
    primary key (user_nid),
    key server_notice_rooms_room (room_nid)
);
