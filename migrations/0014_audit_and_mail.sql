-- Something that matters for security, as it was noted: never changed, deleted from the oldest on.
-- `hash` is the keyed hash of the row and of the `hash` before it. `origin_digest` is the keyed hash
-- of what `audit_origins` holds encrypted, so that it can be deleted earlier and the chain still be
-- checked. `details` is a JSON object.
create table if not exists audit_log (
    seq bigint not null,
    at bigint not null,
    action varbinary(64) not null,
    is_success tinyint not null,
    role varbinary(16) not null,
    actor varbinary(255) null,
    device_id varbinary(255) null,
    target varbinary(255) null,
    details mediumblob not null,
    origin_digest binary(32) null,
    hash binary(32) not null,
    primary key (seq),
    key audit_log_at (at),
    key audit_log_actor (actor, seq),
    key audit_log_target (target, seq)
);

-- From where something was done: the address, the client, and what else is nobody's business. The
-- hashes find an address, or all of a network.
create table if not exists audit_origins (
    seq bigint not null,
    sealed blob not null comment 'sealed',
    address_hash binary(32) not null,
    network_hash binary(32) not null,
    primary key (seq),
    key audit_origins_address (address_hash, seq),
    key audit_origins_network (network_hash, seq)
);

-- An end of the audit log. The row `newest` is locked in every transaction that appends; `pruned` is
-- the newest row that was deleted, and where checking begins. `mac` proves that this server wrote it.
create table if not exists audit_ends (
    name varbinary(16) not null,
    seq bigint not null,
    hash binary(32) not null,
    mac binary(32) null,
    primary key (name)
);
insert ignore into audit_ends (name, seq, hash, mac)
values ('newest', 0, repeat(char(0), 32), null), ('pruned', 0, repeat(char(0), 32), null);

-- Columns that hold what is encrypted are known by their comment.
alter table server_settings modify column value mediumblob not null comment 'sealed';
alter table devices modify column last_seen_ip varbinary(255) null comment 'sealed';
alter table registration_tokens modify column token varbinary(255) not null comment 'sealed';
alter table pushers
    modify column pushkey varbinary(1024) not null comment 'sealed',
    modify column data mediumblob not null comment 'sealed';

-- MySQL has no `add column if not exists`.
set @missing = (
    select count(*) = 0
    from information_schema.columns
    where table_schema = database() and table_name = 'devices' and column_name = 'last_seen_user_agent'
);
set @statement = if(
    @missing,
    'alter table devices add column last_seen_user_agent varbinary(512) null comment ''sealed''',
    'do 0'
);
prepare add_column from @statement;
execute add_column;
deallocate prepare add_column;

-- An e-mail address of a user, proved to be theirs. `language` is that of notices to it.
create table if not exists email_addresses (
    address_hash binary(32) not null,
    user_nid bigint not null,
    address varbinary(512) not null comment 'sealed',
    language varbinary(8) not null,
    validated_at bigint not null,
    added_at bigint not null,
    primary key (address_hash),
    key email_addresses_user (user_nid)
);

-- An attempt to prove that an e-mail address is one's own, by a token that is sent to it. `purpose`:
-- 0 to register, 1 to reset a password, 2 to add it to an account. Who knows the client secret (a
-- keyed hash) may use it once it is validated. There is no token if the address cannot serve the
-- purpose.
create table if not exists email_validations (
    sid varbinary(64) not null,
    purpose tinyint not null,
    client_secret_hash binary(32) not null,
    address_hash binary(32) not null,
    address varbinary(512) not null comment 'sealed',
    language varbinary(8) not null,
    next_link varbinary(2048) null comment 'sealed',
    token_hash binary(32) null,
    send_attempt bigint not null,
    validated_at bigint null,
    expires_at bigint not null,
    primary key (sid),
    unique key email_validations_attempt (client_secret_hash, address_hash, purpose),
    unique key email_validations_token (token_hash),
    key email_validations_expiry (expires_at)
);

-- A message that is to be sent, at the earliest at `next_try_at`. Whoever sends it moves that on first.
create table if not exists outgoing_mail (
    mail_id varbinary(32) not null,
    message mediumblob not null comment 'sealed',
    attempts int not null,
    next_try_at bigint not null,
    created_at bigint not null,
    primary key (mail_id),
    key outgoing_mail_due (next_try_at)
);
