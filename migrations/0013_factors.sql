-- The authenticator app that is an account's second factor. `secret` is encrypted. Of its codes, one
-- for each time step of 30 seconds, only those after `last_step` are good, so each is good once.
-- `failures` counts the wrong codes since the last right one; until `locked_until` (ms since the
-- epoch) no code is looked at.
create table if not exists totp_factors (
    user_nid bigint not null,
    secret varbinary(255) not null comment 'sealed',
    last_step bigint not null,
    failures int not null default 0,
    locked_until bigint not null default 0,
    created_at bigint not null,
    primary key (user_nid)
);

-- An authenticator app that its owner has yet to confirm with a code. `secret` is encrypted.
-- `is_replacement`: whether it is to take the place of another one.
create table if not exists totp_enrolments (
    user_nid bigint not null,
    secret varbinary(255) not null comment 'sealed',
    is_replacement tinyint not null,
    expires_at bigint not null,
    primary key (user_nid),
    key totp_enrolments_expiry (expires_at)
);

-- A recovery code that has not been used yet, known by its keyed hash. It stands for one code of the
-- authenticator app.
create table if not exists recovery_codes (
    user_nid bigint not null,
    code_hash binary(32) not null,
    primary key (user_nid, code_hash)
);

-- A password for one program, which logs in without the second factor; known by its keyed hash.
create table if not exists app_passwords (
    user_nid bigint not null,
    app_password_id varbinary(32) not null,
    password_hash binary(32) not null,
    label varbinary(1024) not null,
    last_used_at bigint null,
    created_at bigint not null,
    primary key (user_nid, app_password_id),
    unique key app_passwords_hash (password_hash)
);

-- How the session of a device began: `kind` 0 by password, login token or registration, as those
-- without a row; 1 by an app password, which is named; 2 as a personal access token; 3 by OAuth; 4 by
-- an application service.
create table if not exists session_origins (
    user_nid bigint not null,
    device_id varbinary(255) not null,
    kind tinyint not null,
    app_password_id varbinary(32) null,
    primary key (user_nid, device_id)
);

-- What is to be known of a personal access token besides its row in `tokens`, whose device is its
-- own. `scope`: 0 everything that the user may, 1 reading only.
create table if not exists personal_tokens (
    user_nid bigint not null,
    device_id varbinary(255) not null,
    label varbinary(1024) not null,
    scope tinyint not null,
    expires_at bigint null,
    created_at bigint not null,
    primary key (user_nid, device_id)
);
