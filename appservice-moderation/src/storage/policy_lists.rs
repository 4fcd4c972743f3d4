//! Which policy lists are followed, and what came of their rules.

use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};

use super::{
    Conn,
    codec::{RoomIdColumn, Text, UserIdColumn},
};
use crate::Result;

/// How far a list is followed.
pub mod state {
    /// Everything that its rules want is done at once.
    pub const FRESH: &str = "fresh";
    /// Only as much is done as is not too much.
    pub const WATCHED: &str = "watched";
    /// Nothing more is done than was until now.
    pub const HELD: &str = "held";
    /// What was done is taken back.
    pub const LEAVING: &str = "leaving";
}

/// A list that is followed.
#[derive(Clone, Debug)]
pub struct StoredList {
    /// Its room.
    pub room_id: OwnedRoomId,
    /// What comes of its rules, in words.
    pub effects: String,
    /// How far it is followed, in a word.
    pub state: String,
    /// Who wanted that.
    pub added_by: OwnedUserId,
    /// Since when.
    pub added_at: i64,
}

/// What came of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Where; on the whole server, if there is no room.
    pub room_id: Option<OwnedRoomId>,
    /// What was done, in a word.
    pub kind: String,
    /// To whom or what.
    pub target: String,
    /// The list.
    pub list_id: OwnedRoomId,
    /// The event that says the rule.
    pub event_id: String,
    /// The cause of the case in which it was done.
    pub cause: String,
    /// Whether the case is sure to be there.
    pub is_opened: bool,
}

struct ListRow {
    room_id: RoomIdColumn,
    effects: Text,
    state: Text,
    added_by: UserIdColumn,
    added_at: i64,
}

struct HitRow {
    room_id: Text,
    kind: Text,
    target: Text,
    list_id: RoomIdColumn,
    event_id: Text,
    cause: Text,
    is_opened: bool,
}

impl From<HitRow> for Hit {
    fn from(row: HitRow) -> Self {
        Self {
            room_id: OwnedRoomId::try_from(row.room_id.0).ok(),
            kind: row.kind.0,
            target: row.target.0,
            list_id: row.list_id.0,
            event_id: row.event_id.0,
            cause: row.cause.0,
            is_opened: row.is_opened,
        }
    }
}

/// All lists that are followed, the first one first.
pub async fn list(conn: &mut Conn) -> Result<Vec<StoredList>> {
    let rows = sqlx::query_as!(
        ListRow,
        r#"
        select
            room_id as "room_id: RoomIdColumn", effects as "effects: Text", state as "state: Text",
            added_by as "added_by: UserIdColumn", added_at
        from policy_lists
        order by added_at, room_id
        "#
    )
    .fetch_all(conn)
    .await?;
    let list = |row: ListRow| StoredList {
        room_id: row.room_id.0,
        effects: row.effects.0,
        state: row.state.0,
        added_by: row.added_by.0,
        added_at: row.added_at,
    };
    Ok(rows.into_iter().map(list).collect())
}

/// Follows a list, or follows it in another way.
pub async fn put(
    conn: &mut Conn,
    list: &RoomId,
    (effects, state): (&str, &str),
    by: &UserId,
    now_ms: i64,
) -> Result<()> {
    sqlx::query!(
        "insert into policy_lists (room_id, effects, state, added_by, added_at)
         values (?, ?, ?, ?, ?)
         on duplicate key update effects = values(effects), state = values(state), added_by = values(added_by)",
        list.as_str(),
        effects,
        state,
        by.as_str(),
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Changes how far a list is followed; says whether it was so far as `from` before.
pub async fn change_state(conn: &mut Conn, list: &RoomId, from: &str, to: &str) -> Result<bool> {
    let done =
        sqlx::query!("update policy_lists set state = ? where room_id = ? and state = ?", to, list.as_str(), from)
            .execute(conn)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// Follows a list no more: what came of it is taken back.
pub async fn leave(conn: &mut Conn, list: &RoomId) -> Result<()> {
    sqlx::query!("update policy_lists set state = ? where room_id = ?", state::LEAVING, list.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets a list of which nothing is left, unless it is followed again meanwhile.
pub async fn delete(conn: &mut Conn, list: &RoomId) -> Result<()> {
    sqlx::query!("delete from policy_lists where room_id = ? and state = ?", list.as_str(), state::LEAVING)
        .execute(conn)
        .await?;
    Ok(())
}

/// Everything that came of lists.
pub async fn list_hits(conn: &mut Conn) -> Result<Vec<Hit>> {
    let rows = sqlx::query_as!(
        HitRow,
        r#"
        select
            room_id as "room_id: Text", kind as "kind: Text", target as "target: Text",
            list_id as "list_id: RoomIdColumn", event_id as "event_id: Text", cause as "cause: Text",
            is_opened as "is_opened: bool"
        from list_hits
        order by created_at, cause, room_id, target
        "#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Hit::from).collect())
}

/// What came of lists for one target.
pub async fn list_hits_of(conn: &mut Conn, target: &str) -> Result<Vec<Hit>> {
    let rows = sqlx::query_as!(
        HitRow,
        r#"
        select
            room_id as "room_id: Text", kind as "kind: Text", target as "target: Text",
            list_id as "list_id: RoomIdColumn", event_id as "event_id: Text", cause as "cause: Text",
            is_opened as "is_opened: bool"
        from list_hits
        where target = ?
        "#,
        target
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Hit::from).collect())
}

/// Notes what is going to come of a rule; nothing happens if that is there already.
pub async fn insert_hit(conn: &mut Conn, hit: &Hit, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert ignore into list_hits (room_id, kind, target, list_id, event_id, cause, is_opened, created_at)
         values (?, ?, ?, ?, ?, ?, ?, ?)",
        hit.room_id.as_ref().map_or("", |room| room.as_str()),
        hit.kind,
        hit.target,
        hit.list_id.as_str(),
        hit.event_id,
        hit.cause,
        hit.is_opened,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that the case of `cause` is there.
pub async fn note_opened(conn: &mut Conn, cause: &str) -> Result<()> {
    sqlx::query!("update list_hits set is_opened = true where cause = ?", cause).execute(conn).await?;
    Ok(())
}

/// Notes that a hit has another rule now.
pub async fn attribute(conn: &mut Conn, hit: &Hit, list: &RoomId, event_id: &str) -> Result<()> {
    sqlx::query!(
        "update list_hits set list_id = ?, event_id = ? where room_id = ? and kind = ? and target = ?",
        list.as_str(),
        event_id,
        hit.room_id.as_ref().map_or("", |room| room.as_str()),
        hit.kind,
        hit.target
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets a hit.
pub async fn delete_hit(conn: &mut Conn, hit: &Hit) -> Result<()> {
    sqlx::query!(
        "delete from list_hits where room_id = ? and kind = ? and target = ?",
        hit.room_id.as_ref().map_or("", |room| room.as_str()),
        hit.kind,
        hit.target
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The targets of hits whose case somebody undid who is not `bot`.
pub async fn list_spared(conn: &mut Conn, bot: &UserId) -> Result<Vec<String>> {
    let rows = sqlx::query_scalar!(
        r#"
        select distinct list_hits.target as "target: Text"
        from list_hits
        join cases on cases.cause = list_hits.cause
        where cases.undone_at is not null and cases.undone_by <> ?
        "#,
        bot.as_str()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|target| target.0).collect())
}
