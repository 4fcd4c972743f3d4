-- A rule about who may do what. `kind`: 0 everyone, 1 user, 2 server, 3 e-mail address, 4 e-mail
-- domain, 5 network, 6 registration token, 7 room-scoped network token. `value` is shown to
-- administrators; of what is nobody's business it is a masked form, and `value_hash` (keyed) and
-- `sealed` (encrypted) stand for the rest. `effect`: 0 allow, 1 log only, 2 rate limit, 3 require a
-- verified e-mail address, 4 require a second factor, 5 require approval, 6 deny. `changed_in` is the
-- generation of the rules in which this one was changed last. A rule is in force until `expires_at` or
-- `revoked_at`; it is kept after that, for those who ask why something happened.
create table if not exists access_rules (
    rule_id varbinary(64) not null,
    version int not null,
    changed_in bigint not null,
    kind tinyint not null,
    value varbinary(512) not null,
    value_hash binary(32) null,
    sealed varbinary(1024) null comment 'sealed',
    scope varbinary(300) not null,
    effect tinyint not null,
    limit_count int null,
    limit_per_ms bigint null,
    public_reason varbinary(1024) null,
    private_reason varbinary(1024) null,
    author varbinary(255) not null,
    case_id varbinary(64) null,
    origin varbinary(255) not null,
    created_at bigint not null,
    updated_at bigint not null,
    expires_at bigint null,
    revoked_at bigint null,
    revoked_by varbinary(255) null,
    match_count bigint not null default 0,
    last_match_at bigint null,
    primary key (rule_id),
    key access_rules_change (changed_in),
    key access_rules_end (revoked_at, expires_at)
);

-- The number of changes of the rules. Its single row is updated first by whoever changes rules, and so
-- held until the commit: who has read generation n knows all changes up to it.
create table if not exists access_generation (
    id tinyint not null,
    generation bigint not null,
    primary key (id)
);
insert ignore into access_generation (id, generation) values (1, 0);

-- What an account waits for an administrator to allow, or what was decided: `scope` as in
-- `access_rules`, by which rule. `state`: 0 waiting, 1 approved, 2 denied.
create table if not exists access_approvals (
    user_nid bigint not null,
    scope varbinary(300) not null,
    state tinyint not null,
    rule_id varbinary(64) not null,
    created_at bigint not null,
    decided_at bigint null,
    decided_by varbinary(255) null,
    reason varbinary(1024) null,
    primary key (user_nid, scope),
    key access_approvals_state (state, created_at)
);

-- From which networks a device was used: for telling whom a rule would hit. The address is encrypted;
-- `address_hash` and `network_hash` (its /24 or /64 network) are keyed hashes. Deleted some time after
-- `last_seen_at`.
create table if not exists sightings (
    user_nid bigint not null,
    device_id varbinary(255) not null,
    address_hash binary(32) not null,
    network_hash binary(32) not null,
    sealed varbinary(255) not null comment 'sealed',
    first_seen_at bigint not null,
    last_seen_at bigint not null,
    primary key (user_nid, device_id, address_hash),
    key sightings_network (network_hash, last_seen_at),
    key sightings_age (last_seen_at)
);
