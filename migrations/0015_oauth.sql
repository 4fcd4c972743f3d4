-- Somebody signed in to the server's own pages, known by the keyed hash of a cookie. `stage`: 0 the
-- password is proved, and the second factor is awaited; 1 signed in. `failures` counts the wrong codes
-- since the password was proved. `proved_at` is when all factors were last proved; `agent` is the
-- browser, encrypted.
create table if not exists browser_sessions (
    session_hash binary(32) not null,
    user_nid bigint not null,
    stage tinyint not null,
    failures int not null default 0,
    proved_at bigint not null,
    agent varbinary(1024) null,
    created_at bigint not null,
    expires_at bigint not null,
    primary key (session_hash),
    key browser_sessions_user (user_nid),
    key browser_sessions_expiry (expires_at)
);

-- What a user-interactive authentication is asked for, so that its fallback page can say so.
create table if not exists interactive_auth_purposes (
    session_hash binary(32) not null,
    purpose varbinary(64) not null,
    expires_at bigint not null,
    primary key (session_hash),
    key interactive_auth_purposes_expiry (expires_at)
);

-- An application as it registered itself. `client_id` is made from `metadata`, so that the same
-- application is stored once.
create table if not exists oauth_clients (
    client_id varbinary(64) not null,
    metadata mediumblob not null,
    used_at bigint not null,
    created_at bigint not null,
    primary key (client_id),
    key oauth_clients_used (used_at)
);

-- A code that an application exchanges once for the tokens of a session, known by its keyed hash.
-- `challenge` is the SHA-256 that the application's verifier must have. A spent code is remembered
-- until it expires, to notice when it turns up again.
create table if not exists oauth_codes (
    code_hash binary(32) not null,
    client_id varbinary(64) not null,
    user_nid bigint not null,
    device_id varbinary(255) not null,
    scope varbinary(1024) not null,
    redirect_uri varbinary(2048) not null,
    challenge binary(32) not null,
    spent_at bigint null,
    expires_at bigint not null,
    primary key (code_hash),
    key oauth_codes_client (client_id),
    key oauth_codes_expiry (expires_at)
);

-- A device without a browser that waits until its user allows it in, known by the keyed hashes of the
-- code that it polls with and the code that the user types. `state`: 0 waiting, 1 allowed by `user_nid`,
-- 2 refused.
create table if not exists oauth_device_grants (
    device_code_hash binary(32) not null,
    user_code_hash binary(32) not null,
    client_id varbinary(64) not null,
    device_id varbinary(255) not null,
    scope varbinary(1024) not null,
    state tinyint not null default 0,
    user_nid bigint null,
    polled_at bigint not null default 0,
    interval_ms bigint not null,
    expires_at bigint not null,
    primary key (device_code_hash),
    unique key oauth_device_grants_user_code (user_code_hash),
    key oauth_device_grants_client (client_id),
    key oauth_device_grants_expiry (expires_at)
);

-- A session that an application began by OAuth: the application, and the scope as it spells it. The
-- session's tokens stand in `tokens`.
create table if not exists oauth_sessions (
    user_nid bigint not null,
    device_id varbinary(255) not null,
    client_id varbinary(64) not null,
    scope varbinary(1024) not null,
    created_at bigint not null,
    primary key (user_nid, device_id),
    key oauth_sessions_client (client_id)
);

-- A user who has allowed that the cross-signing keys are replaced, until `expires_at`.
create table if not exists cross_signing_resets (
    user_nid bigint not null,
    expires_at bigint not null,
    primary key (user_nid)
);
