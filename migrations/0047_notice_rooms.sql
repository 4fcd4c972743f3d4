-- The room in which the server tells a user something.
create table if not exists notice_rooms (
    user_nid bigint not null,
    room_nid bigint not null,
    primary key (user_nid)
);
