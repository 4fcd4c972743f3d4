-- The one number line: where it ends. Its single row is updated first in every transaction that
-- writes facts, and so held until the commit: positions become visible in order and without gaps.
create table if not exists stream_head (
    id tinyint not null,
    position bigint not null,
    primary key (id)
);
insert ignore into stream_head (id, position) values (1, 0);

-- A kind of numbered rows: the first number that no process has reserved yet.
create table if not exists id_blocks (
    kind varbinary(32) not null,
    next_id bigint not null,
    primary key (kind)
);
insert ignore into id_blocks (kind, next_id)
values ('event', 1), ('room', 1), ('user', 1), ('state_key', 1), ('snapshot', 1);

-- A duty that one process has at a time, until `expires_at` (ms since the epoch).
create table if not exists leases (
    name varbinary(128) not null,
    owner varbinary(64) not null,
    epoch bigint not null,
    expires_at bigint not null,
    primary key (name)
);

-- A value the server keeps for itself, such as an encrypted signing key.
create table if not exists server_settings (
    name varbinary(128) not null,
    value mediumblob not null,
    updated_at bigint not null,
    primary key (name)
);
