-- A local alias and the room it stands for. The room need not exist yet: it may be being created.
create table if not exists room_aliases (
    alias varbinary(255) not null,
    room_nid bigint not null,
    creator_nid bigint not null,
    created_at bigint not null,
    primary key (alias),
    key room_aliases_room (room_nid)
);

-- A room in the published list, with what the list tells of it, as it was read from the state
-- `snapshot_nid`; where the room has another state now, it has to be read again. `joined` is 0 while
-- nobody of this server is in the room: it is not listed then.
create table if not exists published_rooms (
    room_nid bigint not null,
    snapshot_nid bigint not null,
    joined bigint not null,
    is_federated tinyint not null,
    room_type varbinary(255) null,
    search_text mediumtext collate utf8mb4_unicode_520_ci not null,
    summary mediumblob not null,
    primary key (room_nid),
    key published_rooms_size (joined, room_nid)
);

-- A room that everybody may join or read, whose members therefore everybody may find.
create table if not exists open_rooms (
    room_nid bigint not null,
    primary key (room_nid)
);

-- A user whom the directory can find, with the name and avatar it shows: every local account in
-- use, and remote users whose profile is known.
create table if not exists people (
    user_nid bigint not null,
    display_name varbinary(1024) null,
    avatar_url varbinary(1024) null,
    primary key (user_nid)
);

-- A word of a user's display name or local part, in which they are found by its beginning, whatever
-- the case or accents.
create table if not exists people_words (
    word varchar(64) collate utf8mb4_unicode_520_ci not null,
    user_nid bigint not null,
    primary key (word, user_nid),
    key people_words_user (user_nid)
);

-- A local user whose new name or avatar does not stand in all their rooms yet.
create table if not exists profile_changes (
    user_nid bigint not null,
    changed_at bigint not null,
    primary key (user_nid)
);
