-- A user-interactive authentication under way, known by its session's keyed hash. It holds for one
-- operation with its parameters (a keyed hash), one user and one device; there are none at
-- registration. `completed` is a JSON array of stages; `registration_token_hash` is the token that
-- one of them was completed with.
create table if not exists interactive_auth_sessions (
    session_hash binary(32) not null,
    operation_hash binary(32) not null,
    user_nid bigint null,
    device_id varbinary(255) null,
    completed varbinary(1024) not null,
    registration_token_hash binary(32) null,
    expires_at bigint not null,
    primary key (session_hash),
    key interactive_auth_sessions_expiry (expires_at)
);

-- A token that lets its bearer register, known by its keyed hash and kept encrypted for
-- administrators to see. `uses_allowed` is null for any number of uses.
create table if not exists registration_tokens (
    token_hash binary(32) not null,
    token varbinary(255) not null,
    uses_allowed int null,
    uses int not null default 0,
    expires_at bigint null,
    created_at bigint not null,
    primary key (token_hash)
);

-- A filter that a client stored. `filter_id` is made from its content, so that the same filter is
-- stored once.
create table if not exists filters (
    user_nid bigint not null,
    filter_id varbinary(32) not null,
    content mediumblob not null,
    created_at bigint not null,
    primary key (user_nid, filter_id)
);

-- A deactivated user who is still to be taken out of all rooms.
create table if not exists departures (
    user_nid bigint not null,
    created_at bigint not null,
    primary key (user_nid)
);
