//! How much people have uploaded.

use ruma::OwnedUserId;
use sqlx::{FromRow, MySql, QueryBuilder};

use crate::{
    Result,
    storage::{
        Conn,
        codec::{Text, UserIdColumn},
        directory::escape_like,
        overview::Page,
    },
};

/// What one user has uploaded.
#[derive(Clone, Debug)]
pub struct Uploads {
    /// Who.
    pub user_id: OwnedUserId,
    /// What they call themselves.
    pub display_name: Option<String>,
    /// How many media.
    pub count: i64,
    /// Of how many bytes.
    pub size: i64,
}

/// Which uploads count.
#[derive(Clone, Debug, Default)]
pub struct UploadFilter {
    /// A part of the user ID or of the display name.
    pub term: Option<String>,
    /// From when on, in ms since the epoch.
    pub from_ms: Option<i64>,
    /// Until when.
    pub until_ms: Option<i64>,
}

/// By what users are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "see the fields of `Uploads`")]
pub enum UploadOrder {
    #[default]
    UserId,
    DisplayName,
    Count,
    Size,
}

impl UploadOrder {
    fn column(self) -> &'static str {
        match self {
            Self::UserId => "user_id",
            Self::DisplayName => "display_name",
            Self::Count => "media_count",
            Self::Size => "media_size",
        }
    }
}

#[derive(FromRow)]
struct Row {
    user_id: UserIdColumn,
    display_name: Option<Text>,
    media_count: i64,
    media_size: i64,
}

const FROM: &str = "from media \
     join media_contents on media_contents.sha256 = media.sha256 \
     join users on users.user_nid = uploader_nid \
     left join profile_fields as names on names.user_nid = uploader_nid and names.name = 'displayname' \
     where state = 1";

/// Lists a page of those who have uploaded something.
pub async fn list(conn: &mut Conn, filter: &UploadFilter, order: UploadOrder, page: Page) -> Result<Vec<Uploads>> {
    let mut query = QueryBuilder::new(
        "select user_id, max(names.value) as display_name, count(*) as media_count, \
         cast(sum(size) as signed) as media_size ",
    );
    query.push(FROM);
    push_filter(&mut query, filter);
    query.push(format!(" group by user_id order by {} {}, user_id limit ", order.column(), page.direction()));
    query.push_bind(page.limit).push(" offset ").push_bind(page.from);
    let rows: Vec<Row> = query.build_query_as().fetch_all(conn).await?;
    let uploads = rows.into_iter().map(|row| Uploads {
        user_id: row.user_id.0,
        // Fields of profiles are JSON.
        display_name: row.display_name.and_then(|name| serde_json::from_str(&name.0).ok()),
        count: row.media_count,
        size: row.media_size,
    });
    Ok(uploads.collect())
}

/// Counts those who have uploaded something.
pub async fn count(conn: &mut Conn, filter: &UploadFilter) -> Result<i64> {
    let mut query = QueryBuilder::new("select count(distinct uploader_nid) ");
    query.push(FROM);
    push_filter(&mut query, filter);
    Ok(query.build_query_scalar().fetch_one(conn).await?)
}

fn push_filter(query: &mut QueryBuilder<MySql>, filter: &UploadFilter) {
    if let Some(term) = &filter.term {
        let pattern = format!("%{}%", escape_like(term));
        query.push(" and (convert(user_id using utf8mb4) like ").push_bind(pattern.to_lowercase());
        query.push(" or convert(names.value using utf8mb4) collate utf8mb4_unicode_520_ci like ");
        query.push_bind(pattern).push(")");
    }
    if let Some(from) = filter.from_ms {
        query.push(" and media.created_at >= ").push_bind(from);
    }
    if let Some(until) = filter.until_ms {
        query.push(" and media.created_at <= ").push_bind(until);
    }
}
