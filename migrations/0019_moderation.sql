-- What administrators have set about an account, besides what `accounts` says. `user_type` is a word for
-- their lists. What a shadow-banned user says goes nowhere, and they are not told. Where
-- `messages_per_second` is set, it and `burst_count` take the place of the configured limits; with 0 there
-- is no limit at all.
create table if not exists account_marks (
    user_nid bigint not null,
    user_type varbinary(32) null,
    is_shadow_banned tinyint not null default 0,
    messages_per_second int null,
    burst_count int null,
    primary key (user_nid)
);

-- A room that nobody comes into from here, whether or not this server knows it.
create table if not exists blocked_rooms (
    room_id varbinary(255) not null,
    blocked_by bigint not null,
    created_at bigint not null,
    primary key (room_id)
);

-- Work that an administrator asked for and that takes its time. `kind`: 1 the redaction of a user's
-- events, 2 the shutdown of a room, 3 the purge of a room's history. `subject` is a user ID or a room ID.
-- `state`: 0 scheduled, 1 active, 2 complete, 3 failed. `request` and `progress` are JSON: what is to be
-- done, and what came of it. Who does it has claimed it until `claimed_until`.
create table if not exists errands (
    errand_id varbinary(64) not null,
    kind tinyint not null,
    subject varbinary(255) not null,
    caller_nid bigint not null,
    state tinyint not null,
    request mediumblob not null,
    progress mediumblob not null,
    claimed_until bigint not null default 0,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (errand_id),
    key errands_state (state, created_at),
    key errands_subject (kind, subject, created_at)
);

-- A report that an administrator has put away. It still counts where reports are numbered.
create table if not exists dismissed_reports (
    report_nid bigint not null,
    dismissed_by bigint not null,
    dismissed_at bigint not null,
    primary key (report_nid)
);
