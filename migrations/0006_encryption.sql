-- The identity keys of a device, as a canonical JSON object without `unsigned`.
create table if not exists device_keys (
    user_nid bigint not null,
    device_id varbinary(255) not null,
    json mediumblob not null,
    primary key (user_nid, device_id)
);

-- A cross-signing key of a user: `kind` 1 master, 2 self-signing, 3 user-signing. `public_key` is
-- unpadded base64, `json` the canonical JSON object without `unsigned`.
create table if not exists cross_signing_keys (
    user_nid bigint not null,
    kind tinyint not null,
    public_key varbinary(255) not null,
    json mediumblob not null,
    primary key (user_nid, kind)
);

-- A verified Ed25519 signature that was made after its target was uploaded. `target_key` and
-- `signer_key` are device IDs or public cross-signing keys, which never coincide for one user.
create table if not exists key_signatures (
    target_nid bigint not null,
    target_key varbinary(255) not null,
    signer_nid bigint not null,
    signer_key varbinary(255) not null,
    signature varbinary(255) not null,
    primary key (target_nid, target_key, signer_nid, signer_key),
    key key_signatures_signer (signer_nid, signer_key)
);

-- A one-time key. A claimed one stays for a while, so that an upload that is repeated does not
-- bring it back.
create table if not exists one_time_keys (
    user_nid bigint not null,
    device_id varbinary(255) not null,
    algorithm varbinary(255) not null,
    key_id varbinary(255) not null,
    uploaded_at bigint not null,
    claimed_at bigint null,
    json mediumblob not null,
    primary key (user_nid, device_id, algorithm, key_id),
    key one_time_keys_claim (user_nid, device_id, claimed_at, algorithm, uploaded_at)
);

-- The key of one algorithm that a device's correspondents are given when its one-time keys have run
-- out.
create table if not exists fallback_keys (
    user_nid bigint not null,
    device_id varbinary(255) not null,
    algorithm varbinary(255) not null,
    key_id varbinary(255) not null,
    is_used tinyint not null,
    json mediumblob not null,
    primary key (user_nid, device_id, algorithm)
);

-- A request to send messages to devices that was carried out, so that it is not carried out again.
create table if not exists to_device_transactions (
    user_nid bigint not null,
    device_id varbinary(255) not null,
    type varbinary(255) not null,
    txn_id varbinary(255) not null,
    created_at bigint not null,
    primary key (user_nid, device_id, type, txn_id),
    key to_device_transactions_age (created_at)
);

-- Messages to devices of another server, until it has accepted them: the content of an
-- `m.direct_to_device` EDU.
create table if not exists outgoing_to_device (
    destination varbinary(255) not null,
    position bigint not null,
    content mediumblob not null,
    primary key (destination, position)
);

-- A version of a user's key backup. `etag` counts its changes. A deleted version keeps its row, so
-- that its number is not used again.
create table if not exists key_backups (
    user_nid bigint not null,
    version bigint not null,
    algorithm varbinary(255) not null,
    auth_data mediumblob not null,
    etag bigint not null,
    key_count bigint not null,
    is_deleted tinyint not null default 0,
    created_at bigint not null,
    primary key (user_nid, version)
);

-- The key of one Megolm session in a backup; `session_data` is encrypted by the client.
create table if not exists key_backup_sessions (
    user_nid bigint not null,
    version bigint not null,
    room_id varbinary(255) not null,
    session_id varbinary(255) not null,
    first_message_index bigint not null,
    forwarded_count bigint not null,
    is_verified tinyint not null,
    session_data mediumblob not null,
    primary key (user_nid, version, room_id, session_id)
);
