-- A media that administrators do not want withdrawn by mistake, such as a picture that many use.
create table if not exists protected_media (
    origin varbinary(255) not null,
    media_id varbinary(255) not null,
    protected_by bigint not null,
    created_at bigint not null,
    primary key (origin, media_id)
);
