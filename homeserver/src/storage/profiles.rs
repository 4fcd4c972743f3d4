//! Profiles of local users, field by field.

use super::{Conn, codec::Text, numbers::UserNid};
use crate::Result;

/// Lists the fields of a profile with their values as JSON.
pub async fn list(conn: &mut Conn, user: UserNid) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query!(
        "select name as `name: Text`, value as `value: Text` from profile_fields where user_nid = ? order by name",
        user
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.name.0, row.value.0)).collect())
}

/// Finds the value of a field as JSON.
pub async fn find(conn: &mut Conn, user: UserNid, name: &str) -> Result<Option<String>> {
    let found = sqlx::query_scalar!(
        "select value as `value: Text` from profile_fields where user_nid = ? and name = ?",
        user,
        name
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(|value| value.0))
}

/// Sets a field to a value that is JSON.
pub async fn upsert(conn: &mut Conn, user: UserNid, name: &str, value: &str) -> Result<()> {
    sqlx::query!(
        "insert into profile_fields (user_nid, name, value) values (?, ?, ?)
         on duplicate key update value = values(value)",
        user,
        name,
        value
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a field; returns whether it was there.
pub async fn delete(conn: &mut Conn, user: UserNid, name: &str) -> Result<bool> {
    let done =
        sqlx::query!("delete from profile_fields where user_nid = ? and name = ?", user, name).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes a whole profile.
pub async fn delete_all(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query!("delete from profile_fields where user_nid = ?", user).execute(conn).await?;
    Ok(())
}

/// The fields that are repeated in membership events.
pub async fn shown(conn: &mut Conn, user: UserNid) -> Result<serde_json::Map<String, serde_json::Value>> {
    let rows = sqlx::query!(
        "select name as `name: Text`, value as `value: Text`
         from profile_fields
         where user_nid = ? and name in ('displayname', 'avatar_url')",
        user
    )
    .fetch_all(conn)
    .await?;
    let field = |name: String, value: &str| Some((name, serde_json::from_str(value).ok()?));
    Ok(rows.into_iter().filter_map(|row| field(row.name.0, &row.value.0)).collect())
}
