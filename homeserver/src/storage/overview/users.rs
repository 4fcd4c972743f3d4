//! The accounts as administrators see them.

use ruma::{OwnedUserId, UserId};
use sqlx::{FromRow, MySql, QueryBuilder};

use super::Page;
use crate::{
    Result,
    storage::{
        Conn,
        accounts::AccountKind,
        codec::{Text, UserIdColumn},
        directory::escape_like,
        numbers::UserNid,
    },
};

/// An account in the list.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are columns of `accounts`, `account_marks` and what belongs to an account")]
pub struct ListedUser {
    pub user: UserNid,
    pub user_id: OwnedUserId,
    pub kind: AccountKind,
    pub is_admin: bool,
    pub is_locked: bool,
    pub is_suspended: bool,
    pub is_deactivated: bool,
    pub is_erased: bool,
    pub is_shadow_banned: bool,
    pub user_type: Option<String>,
    pub created_at: i64,
    pub last_seen_at: Option<i64>,
    pub display_name: Option<String>,
    pub avatar_url: Option<String>,
}

/// Which accounts are wanted.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// A part of the user ID.
    pub user_id: Option<String>,
    /// A part of the localpart or of the display name.
    pub name: Option<String>,
    /// Whether guests are; if not said, both are.
    pub guests: Option<bool>,
    /// Whether administrators are.
    pub admins: Option<bool>,
    /// Whether deactivated accounts are.
    pub deactivated: Option<bool>,
    /// Whether locked accounts are.
    pub locked: Option<bool>,
    /// Types that are not; an empty one is having none.
    pub not_types: Vec<String>,
}

/// By what accounts are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "see the fields of `ListedUser`")]
pub enum UserOrder {
    #[default]
    Id,
    Guest,
    Admin,
    Type,
    Deactivated,
    ShadowBanned,
    DisplayName,
    AvatarUrl,
    CreatedAt,
    LastSeenAt,
}

impl UserOrder {
    fn column(self) -> &'static str {
        match self {
            Self::Id => "user_id",
            Self::Guest => "kind = 1",
            Self::Admin => "is_admin",
            Self::Type => "user_type",
            Self::Deactivated => "is_deactivated",
            Self::ShadowBanned => "is_shadow_banned",
            Self::DisplayName => "display_name",
            Self::AvatarUrl => "avatar_url",
            Self::CreatedAt => "created_at",
            Self::LastSeenAt => "last_seen_at",
        }
    }
}

#[derive(FromRow)]
struct Row {
    user_nid: i64,
    user_id: UserIdColumn,
    kind: i8,
    is_admin: bool,
    is_locked: bool,
    is_suspended: bool,
    is_deactivated: bool,
    is_erased: bool,
    is_shadow_banned: bool,
    user_type: Option<Text>,
    created_at: i64,
    last_seen_at: Option<i64>,
    display_name: Option<Text>,
    avatar_url: Option<Text>,
}

impl From<Row> for ListedUser {
    fn from(row: Row) -> Self {
        // Fields of profiles are JSON.
        let text = |json: Option<Text>| json.and_then(|json| serde_json::from_str(&json.0).ok());
        Self {
            user: UserNid(row.user_nid),
            user_id: row.user_id.0,
            kind: AccountKind::from_column(row.kind),
            is_admin: row.is_admin,
            is_locked: row.is_locked,
            is_suspended: row.is_suspended,
            is_deactivated: row.is_deactivated,
            is_erased: row.is_erased,
            is_shadow_banned: row.is_shadow_banned,
            user_type: row.user_type.map(|word| word.0),
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            display_name: text(row.display_name),
            avatar_url: text(row.avatar_url),
        }
    }
}

const SELECT: &str = "select accounts.user_nid, user_id, kind, is_admin, is_locked, is_suspended, is_deactivated, is_erased, \
     coalesce(is_shadow_banned, 0) as is_shadow_banned, user_type, accounts.created_at, \
     (select max(last_seen_at) from devices where devices.user_nid = accounts.user_nid) as last_seen_at, \
     names.value as display_name, avatars.value as avatar_url ";
const FROM: &str = "from accounts \
     join users on users.user_nid = accounts.user_nid \
     left join account_marks on account_marks.user_nid = accounts.user_nid \
     left join profile_fields as names on names.user_nid = accounts.user_nid and names.name = 'displayname' \
     left join profile_fields as avatars on avatars.user_nid = accounts.user_nid and avatars.name = 'avatar_url' ";

/// Finds one account.
pub async fn find(conn: &mut Conn, user_id: &UserId) -> Result<Option<ListedUser>> {
    let mut query = QueryBuilder::new(SELECT);
    query.push(FROM).push("where user_id = ").push_bind(user_id.as_str().as_bytes());
    let row: Option<Row> = query.build_query_as().fetch_optional(conn).await?;
    Ok(row.map(ListedUser::from))
}

/// Lists a page of the accounts that `filter` lets through.
pub async fn list(conn: &mut Conn, filter: &UserFilter, order: UserOrder, page: Page) -> Result<Vec<ListedUser>> {
    let mut query = QueryBuilder::new(SELECT);
    query.push(FROM);
    push_filter(&mut query, filter);
    query.push(format!(" order by {} {}, user_id asc limit ", order.column(), page.direction()));
    query.push_bind(page.limit).push(" offset ").push_bind(page.from);
    let rows: Vec<Row> = query.build_query_as().fetch_all(conn).await?;
    Ok(rows.into_iter().map(ListedUser::from).collect())
}

/// Counts the accounts that `filter` lets through.
pub async fn count(conn: &mut Conn, filter: &UserFilter) -> Result<i64> {
    let mut query = QueryBuilder::new("select count(*) ");
    query.push(FROM);
    push_filter(&mut query, filter);
    Ok(query.build_query_scalar().fetch_one(conn).await?)
}

fn push_filter(query: &mut QueryBuilder<MySql>, filter: &UserFilter) {
    query.push("where true");
    let pattern = |part: &str| format!("%{}%", escape_like(part));
    if let Some(part) = &filter.user_id {
        query.push(" and convert(user_id using utf8mb4) like ").push_bind(pattern(&part.to_lowercase()));
    } else if let Some(part) = &filter.name {
        query.push(" and (convert(localpart using utf8mb4) like ").push_bind(pattern(&part.to_lowercase()));
        query.push(" or convert(names.value using utf8mb4) collate utf8mb4_unicode_520_ci like ");
        query.push_bind(pattern(part)).push(")");
    }
    let flags = [
        ("(kind = 1)", filter.guests),
        ("is_admin", filter.admins),
        ("is_deactivated", filter.deactivated),
        ("is_locked", filter.locked),
    ];
    for (column, wanted) in flags {
        if let Some(wanted) = wanted {
            query.push(format!(" and {column} = {}", i8::from(wanted)));
        }
    }
    for word in &filter.not_types {
        query.push(" and coalesce(user_type, '') <> ").push_bind(word.clone().into_bytes());
    }
}
