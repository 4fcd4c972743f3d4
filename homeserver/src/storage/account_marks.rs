//! What administrators have set about accounts.

use super::{Conn, codec::Text, numbers::UserNid};
use crate::Result;

/// What is set about an account; nothing, if nothing was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of `account_marks`")]
pub struct Marks {
    pub user_type: Option<String>,
    pub is_shadow_banned: bool,
    pub pace: Option<Pace>,
}

/// How often a user may act, in place of the configured limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many per second in the long run; 0 is any number.
    pub per_second: u32,
    /// How many at once.
    pub burst: u32,
}

impl Pace {
    pub(super) fn from_columns(per_second: Option<i32>, burst: Option<i32>) -> Option<Self> {
        let per_second = per_second?.unsigned_abs();
        Some(Self { per_second, burst: burst.unwrap_or_default().unsigned_abs() })
    }
}

/// Loads what is set about an account.
pub async fn load(conn: &mut Conn, user: UserNid) -> Result<Marks> {
    let row = sqlx::query!(
        "select user_type as `user_type: Text`, is_shadow_banned as `is_shadow_banned: bool`, messages_per_second,
                burst_count
         from account_marks
         where user_nid = ?",
        user
    )
    .fetch_optional(conn)
    .await?;
    let marks = row.map(|row| Marks {
        user_type: row.user_type.map(|word| word.0),
        is_shadow_banned: row.is_shadow_banned,
        pace: Pace::from_columns(row.messages_per_second, row.burst_count),
    });
    Ok(marks.unwrap_or_default())
}

/// Replaces what is set about an account.
pub async fn replace(conn: &mut Conn, user: UserNid, marks: &Marks) -> Result<()> {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    sqlx::query!(
        "insert into account_marks (user_nid, user_type, is_shadow_banned, messages_per_second, burst_count)
         values (?, ?, ?, ?, ?)
         on duplicate key update user_type = values(user_type), is_shadow_banned = values(is_shadow_banned),
             messages_per_second = values(messages_per_second), burst_count = values(burst_count)",
        user,
        marks.user_type,
        marks.is_shadow_banned,
        marks.pace.map(|pace| number(pace.per_second)),
        marks.pace.map(|pace| number(pace.burst))
    )
    .execute(conn)
    .await?;
    Ok(())
}
