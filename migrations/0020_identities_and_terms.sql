-- An account at an outside identity provider that opens an account here, known by the keyed hash of
-- the provider's issuer and of the subject. `about` holds the subject and what the provider calls it,
-- by which its owner recognises it.
create table if not exists linked_identities (
    identity_hash binary(32) not null,
    user_nid bigint not null,
    issuer varbinary(1024) not null,
    about varbinary(4096) not null comment 'sealed',
    used_at bigint not null,
    created_at bigint not null,
    primary key (identity_hash),
    key linked_identities_user (user_nid)
);

-- Somebody who was sent to an identity provider, known by the keyed hash of the state that comes back.
-- `visitor_hash` is that of the browser. `purpose`: 0 to sign in, 1 to prove anew to be `user_nid`, 2 to
-- link the identity to that account. `next` is the page to go on with.
create table if not exists identity_trips (
    state_hash binary(32) not null,
    provider_id varbinary(64) not null,
    visitor_hash binary(32) not null,
    purpose tinyint not null,
    user_nid bigint null,
    next varbinary(8192) not null,
    began_at bigint not null,
    expires_at bigint not null,
    primary key (state_hash),
    key identity_trips_expiry (expires_at)
);

-- Somebody whom an identity provider knows and for whom there is no account yet, while the person
-- chooses its name; known by the keyed hash of a token.
create table if not exists identity_arrivals (
    arrival_hash binary(32) not null,
    visitor_hash binary(32) not null,
    person blob not null comment 'sealed',
    next varbinary(8192) not null,
    expires_at bigint not null,
    primary key (arrival_hash),
    key identity_arrivals_expiry (expires_at)
);

-- A document that a user has accepted, in this version.
create table if not exists accepted_terms (
    user_nid bigint not null,
    terms_id varbinary(64) not null,
    version varbinary(64) not null,
    accepted_at bigint not null,
    primary key (user_nid, terms_id, version)
);

-- `has_vouched_factor`: whether the identity provider that the session began with vouches for a second
-- factor. MySQL has no `add column if not exists`.
set @missing = (
    select count(*) = 0
    from information_schema.columns
    where table_schema = database() and table_name = 'browser_sessions' and column_name = 'has_vouched_factor'
);
set @statement = if(
    @missing,
    'alter table browser_sessions add column has_vouched_factor tinyint not null default 0',
    'do 0'
);
prepare add_column from @statement;
execute add_column;
deallocate prepare add_column;
