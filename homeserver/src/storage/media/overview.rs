//! Lists media for administrators: those of a user, and those that are old or large.

use ruma::{OwnedUserId, ServerName};
use sqlx::{FromRow, QueryBuilder};

use crate::{
    Result,
    storage::{
        Conn,
        codec::{Text, UserIdColumn},
        numbers::UserNid,
        overview::Page,
    },
};

/// A media that has its content.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are columns of `media` and `media_contents`")]
pub struct ListedMedia {
    pub media_id: String,
    pub content_type: Option<String>,
    pub file_name: Option<String>,
    pub size: i64,
    pub created_at: i64,
    pub quarantined_by: Option<OwnedUserId>,
    /// Whether it is not to be withdrawn.
    pub is_protected: bool,
}

/// By what media are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "see the fields of `ListedMedia`")]
pub enum MediaOrder {
    Id,
    ContentType,
    FileName,
    Size,
    #[default]
    CreatedAt,
    QuarantinedBy,
    Protected,
}

impl MediaOrder {
    fn column(self) -> &'static str {
        match self {
            Self::Id => "media.media_id",
            Self::ContentType => "content_type",
            Self::FileName => "file_name",
            Self::Size => "size",
            Self::CreatedAt => "media.created_at",
            Self::QuarantinedBy => "quarantined_by",
            Self::Protected => "is_protected",
        }
    }
}

#[derive(FromRow)]
struct Row {
    media_id: Text,
    content_type: Option<Text>,
    file_name: Option<Text>,
    size: i64,
    created_at: i64,
    quarantined_by: Option<UserIdColumn>,
    is_protected: bool,
}

impl From<Row> for ListedMedia {
    fn from(row: Row) -> Self {
        Self {
            media_id: row.media_id.0,
            content_type: row.content_type.map(|text| text.0),
            file_name: row.file_name.map(|text| text.0),
            size: row.size,
            created_at: row.created_at,
            quarantined_by: row.quarantined_by.map(|user| user.0),
            is_protected: row.is_protected,
        }
    }
}

const SELECT: &str = "select media.media_id, content_type, file_name, size, media.created_at, \
     users.user_id as quarantined_by, protected_media.media_id is not null as is_protected \
     from media \
     join media_contents on media_contents.sha256 = media.sha256 \
     left join users on users.user_nid = media_contents.quarantined_by \
     left join protected_media \
         on protected_media.origin = media.origin and protected_media.media_id = media.media_id ";

/// Lists a page of what a user has uploaded.
pub async fn of_user(conn: &mut Conn, user: UserNid, order: MediaOrder, page: Page) -> Result<Vec<ListedMedia>> {
    let mut query = QueryBuilder::new(SELECT);
    query.push("where state = 1 and uploader_nid = ").push_bind(user.0);
    query.push(format!(" order by {} {}, media.media_id limit ", order.column(), page.direction()));
    query.push_bind(page.limit).push(" offset ").push_bind(page.from);
    let rows: Vec<Row> = query.build_query_as().fetch_all(conn).await?;
    Ok(rows.into_iter().map(ListedMedia::from).collect())
}

/// Counts what a user has uploaded.
pub async fn count_of_user(conn: &mut Conn, user: UserNid) -> Result<i64> {
    let count = sqlx::query_scalar!("select count(*) from media where uploader_nid = ? and state = 1", user);
    Ok(count.fetch_one(conn).await?)
}

/// Finds one media.
pub async fn find(conn: &mut Conn, origin: &ServerName, media_id: &str) -> Result<Option<ListedMedia>> {
    let mut query = QueryBuilder::new(SELECT);
    query.push("where state = 1 and media.origin = ").push_bind(origin.as_bytes());
    query.push(" and media.media_id = ").push_bind(media_id.as_bytes());
    let row: Option<Row> = query.build_query_as().fetch_optional(conn).await?;
    Ok(row.map(ListedMedia::from))
}

/// Lists some media, as server and ID, that came before a time and are larger than `size`: those of the
/// server `local`, or copies of those of all others. The list goes on after the one given.
pub async fn old(
    conn: &mut Conn,
    local: &ServerName,
    is_local: bool,
    (before_ms, size): (i64, i64),
    after: (&str, &str),
) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query!(
        "select origin as `origin: Text`, media_id as `media_id: Text`
         from media
         join media_contents on media_contents.sha256 = media.sha256
         where state = 1 and (origin = ?) = ? and media.created_at < ? and size > ?
           and (origin > ? or (origin = ? and media_id > ?))
         order by origin, media_id
         limit 500",
        local.as_str(),
        is_local,
        before_ms,
        size,
        after.0,
        after.0,
        after.1
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.origin.0, row.media_id.0)).collect())
}

/// Lists the URIs of what people and rooms show as their pictures.
pub async fn pictures(conn: &mut Conn) -> Result<Vec<String>> {
    let profiles = sqlx::query_scalar!("select value as `value: Text` from profile_fields where name = 'avatar_url'")
        .fetch_all(&mut *conn)
        .await?;
    let rooms = sqlx::query_scalar!(
        "select json_unquote(json_extract(convert(events.json using utf8mb4), '$.content.url')) as `url: Text`
         from state_keys
         join current_state on current_state.state_key_nid = state_keys.state_key_nid
         join events on events.event_nid = current_state.event_nid
         where state_keys.type = 'm.room.avatar' and state_keys.state_key = ''"
    )
    .fetch_all(conn)
    .await?;
    let profiles = profiles.into_iter().filter_map(|value| serde_json::from_str(&value.0).ok());
    Ok(profiles.chain(rooms.into_iter().flatten().map(|url| url.0)).collect())
}
