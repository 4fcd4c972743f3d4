-- What was done, why, and how it is taken back.

-- A case holds together what was done for one reason. Its key is what caused it, so that nothing
-- causes two.
create table if not exists cases (
    case_id varbinary(32) not null,
    cause varbinary(255) not null,
    title varchar(500) not null,
    reason varchar(1000) null,
    author varbinary(255) not null,
    origin varbinary(255) not null,
    room_id varbinary(255) null,
    created_at bigint not null,
    undone_at bigint null,
    undone_by varbinary(255) null,
    primary key (case_id),
    unique key by_cause (cause),
    key by_time (created_at)
);

-- A job is one act, written down before it is done. One that reverses another ends what that did.
create table if not exists jobs (
    job_id varbinary(64) not null,
    case_id varbinary(32) not null,
    number int not null,
    kind varbinary(32) not null,
    room_id varbinary(255) null,
    target varbinary(1024) null,
    act mediumblob not null,
    reverses varbinary(64) null,
    state varbinary(16) not null,
    attempts int not null,
    due_at bigint not null,
    created_at bigint not null,
    finished_at bigint null,
    outcome mediumblob null,
    primary key (job_id),
    unique key by_reversed (reverses),
    key by_case (case_id, number),
    key by_state (state, due_at),
    key by_target (target)
);

-- A proposal waits until somebody who may confirms it.
create table if not exists proposals (
    proposal_id varbinary(64) not null,
    room_id varbinary(255) not null,
    event_id varbinary(255) null,
    asked_by varbinary(255) not null,
    plan mediumblob not null,
    state varbinary(16) not null,
    created_at bigint not null,
    expires_at bigint not null,
    primary key (proposal_id),
    unique key by_event (event_id),
    key by_time (expires_at)
);
