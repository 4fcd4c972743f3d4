-- What an application service is told, one row for each that was ever registered. Everything up to
-- `position` stands in transactions or is none of its business; the next transaction gets the number
-- `next_txn`. `owner` is the process that tells it, until `owned_until` (ms since the epoch).
create table if not exists appservice_queues (
    appservice_id varbinary(255) not null,
    position bigint not null,
    next_txn bigint not null,
    owner varbinary(32) null,
    owned_until bigint not null default 0,
    primary key (appservice_id)
);

-- A transaction that its application service has not taken yet: the whole body, so that it is the
-- same however often it is sent.
create table if not exists appservice_transactions (
    appservice_id varbinary(255) not null,
    txn_no bigint not null,
    content mediumblob not null,
    created_at bigint not null,
    primary key (appservice_id, txn_no)
);
