-- What the homeserver told, and what is still to be looked at.

-- A lease is held by one process at a time.
create table if not exists leases (
    name varbinary(128) not null,
    owner varbinary(64) not null,
    epoch bigint not null,
    expires_at bigint not null,
    primary key (name)
);

-- A setting is something that this program finds out or makes once.
create table if not exists settings (
    name varbinary(128) not null,
    value mediumblob not null,
    updated_at bigint not null,
    primary key (name)
);

-- A transaction was taken over from the homeserver; the same one is not taken over again.
create table if not exists transactions (
    transaction_id varbinary(255) not null,
    received_at bigint not null,
    primary key (transaction_id),
    key received (received_at)
);

-- An event waits to be looked at.
create table if not exists inbox (
    position bigint not null,
    event mediumblob not null,
    received_at bigint not null,
    primary key (position)
);
