-- A stored content, known by the SHA-256 of its bytes, however many media have it. Its row is
-- locked while its file is put in place or removed. Quarantined content is known but not served,
-- whoever uploads it again; only then may a row be without a file.
create table if not exists media_contents (
    sha256 binary(32) not null,
    size bigint not null,
    quarantined_by bigint null,
    quarantined_at bigint null,
    created_at bigint not null,
    primary key (sha256)
);

-- What an `mxc://` URI names: local media, and remote media that this server keeps a copy of.
-- `state`: 0 pending (named, but its content is still to come), 1 ready, 2 deleted. A pending one
-- expires. `needs_authentication` is set for media that came while unauthenticated downloads were
-- frozen. `uploader_nid` is null for remote media.
create table if not exists media (
    origin varbinary(255) not null,
    media_id varbinary(255) not null,
    state tinyint not null,
    uploader_nid bigint null,
    sha256 binary(32) null,
    content_type varbinary(255) null,
    file_name varbinary(1024) null,
    needs_authentication tinyint not null,
    created_at bigint not null,
    expires_at bigint null,
    primary key (origin, media_id),
    key media_uploader (uploader_nid, state, created_at),
    key media_content (sha256),
    key media_expiry (state, expires_at)
);
