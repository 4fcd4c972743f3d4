-- A word of an event of the timeline in which it can be searched for: `field` 1 a message's body, 2 a
-- room's name, 3 a room's topic. `weight` is the word's share of all words of the event, in
-- thousandths. Words are the same whatever their case and accents. Written by a reader of the log
-- some time after the event.
create table if not exists search_words (
    room_nid bigint not null,
    word varchar(64) collate utf8mb4_unicode_520_ci not null,
    position bigint not null,
    field tinyint not null,
    weight smallint not null,
    primary key (room_nid, word, position)
);

-- The words of one event, separated by spaces: what has to be deleted when it is redacted.
create table if not exists search_texts (
    room_nid bigint not null,
    position bigint not null,
    words mediumblob not null,
    primary key (room_nid, position)
);
