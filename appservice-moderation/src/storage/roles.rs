//! Roles that were given to people.

use ruma::{OwnedUserId, UserId};

use super::{
    Conn,
    codec::{Text, UserIdColumn},
};
use crate::Result;

/// Somebody's role.
#[derive(Clone, Debug)]
pub struct Given {
    /// Whose.
    pub user_id: OwnedUserId,
    /// Its name.
    pub role: String,
    /// By whom.
    pub granted_by: OwnedUserId,
    /// When.
    pub granted_at: i64,
}

struct Row {
    user_id: UserIdColumn,
    role: Text,
    granted_by: UserIdColumn,
    granted_at: i64,
}

/// The role of a user.
pub async fn find(conn: &mut Conn, user_id: &UserId) -> Result<Option<String>> {
    let role = sqlx::query_scalar!(r#"select role as "role: Text" from roles where user_id = ?"#, user_id.as_str())
        .fetch_optional(conn)
        .await?;
    Ok(role.map(|role| role.0))
}

/// All who have one.
pub async fn list(conn: &mut Conn) -> Result<Vec<Given>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select
            user_id as "user_id: UserIdColumn", role as "role: Text",
            granted_by as "granted_by: UserIdColumn", granted_at
        from roles
        order by user_id
        "#
    )
    .fetch_all(conn)
    .await?;
    let given = |row: Row| Given {
        user_id: row.user_id.0,
        role: row.role.0,
        granted_by: row.granted_by.0,
        granted_at: row.granted_at,
    };
    Ok(rows.into_iter().map(given).collect())
}

/// Gives somebody a role, in place of the one that they have.
pub async fn put(conn: &mut Conn, user_id: &UserId, role: &str, by: &UserId, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert into roles (user_id, role, granted_by, granted_at)
         values (?, ?, ?, ?)
         on duplicate key update
             role = values(role), granted_by = values(granted_by), granted_at = values(granted_at)",
        user_id.as_str(),
        role,
        by.as_str(),
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes somebody's role away; says whether they had one.
pub async fn delete(conn: &mut Conn, user_id: &UserId) -> Result<bool> {
    let done = sqlx::query!("delete from roles where user_id = ?", user_id.as_str()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}
