-- A user that was ever seen, local or remote, and the number it is known by.
create table if not exists users (
    user_nid bigint not null,
    user_id varbinary(255) not null,
    primary key (user_nid),
    unique key users_user_id (user_id)
);

-- A local account. `kind`: 0 user, 1 guest, 2 application service. A locked account's sessions are
-- refused, a suspended one may read but not act, a deactivated one is gone for good; of an erased
-- one, new readers see only redacted events.
create table if not exists accounts (
    user_nid bigint not null,
    localpart varbinary(255) not null,
    password_hash varbinary(255) null,
    kind tinyint not null,
    is_admin tinyint not null default 0,
    is_locked tinyint not null default 0,
    is_suspended tinyint not null default 0,
    is_deactivated tinyint not null default 0,
    is_erased tinyint not null default 0,
    created_at bigint not null,
    primary key (user_nid),
    unique key accounts_localpart (localpart)
);

-- One field of a local user's profile, as JSON.
create table if not exists profile_fields (
    user_nid bigint not null,
    name varbinary(255) not null,
    value mediumblob not null,
    primary key (user_nid, name)
);

-- A device of a local user. `last_seen_ip` is encrypted.
create table if not exists devices (
    user_nid bigint not null,
    device_id varbinary(255) not null,
    display_name varbinary(1024) null,
    last_seen_at bigint null,
    last_seen_ip varbinary(255) null,
    created_at bigint not null,
    primary key (user_nid, device_id)
);

-- An access token (kind 0), refresh token (1), login token (2) or OpenID token (3), known by its
-- keyed hash. `replaces` is the refresh token it was issued for, until it is used for the first
-- time; that refresh token is spent then, and is remembered until `expires_at`.
create table if not exists tokens (
    token_hash binary(32) not null,
    kind tinyint not null,
    user_nid bigint not null,
    device_id varbinary(255) null,
    replaces binary(32) null,
    is_spent tinyint not null default 0,
    expires_at bigint null,
    created_at bigint not null,
    primary key (token_hash),
    key tokens_device (user_nid, device_id),
    key tokens_replaces (replaces),
    key tokens_expiry (kind, is_spent, expires_at)
);
