//! Reads rooms: their heads, members and what they are called by number. Writing them is the log's.

use ruma::{OwnedRoomId, RoomId, RoomVersionId};

use super::{
    Conn,
    codec::{RoomIdColumn, Text},
    numbers::{EventNid, Position, RoomNid, SnapshotNid, UserNid},
};
use crate::{Error, Result};

/// A user's relation to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// In the room.
    Join = 1,
    /// Asked to come in.
    Invite = 2,
    /// Asking to come in.
    Knock = 3,
    /// Not, or no longer, in the room.
    Leave = 4,
    /// Kept out.
    Ban = 5,
}

impl Membership {
    /// The specification's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Invite => "invite",
            Self::Knock => "knock",
            Self::Leave => "leave",
            Self::Ban => "ban",
        }
    }

    /// From the specification's word; anything unknown counts as having left.
    pub fn from_word(word: &str) -> Self {
        match word {
            "join" => Self::Join,
            "invite" => Self::Invite,
            "knock" => Self::Knock,
            "ban" => Self::Ban,
            _ => Self::Leave,
        }
    }

    fn from_column(column: i8) -> Self {
        match column {
            1 => Self::Join,
            2 => Self::Invite,
            3 => Self::Knock,
            5 => Self::Ban,
            _ => Self::Leave,
        }
    }
}

/// Where a room stands.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `rooms` and `room_heads`")]
pub struct StoredRoom {
    pub nid: RoomNid,
    pub id: OwnedRoomId,
    pub version: RoomVersionId,
    pub version_no: i64,
    pub snapshot: SnapshotNid,
    pub extremities: Vec<u8>,
}

/// One membership of a room or of a user.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `room_members`")]
pub struct StoredMember {
    pub room: RoomNid,
    pub user: UserNid,
    pub membership: Membership,
    pub event: EventNid,
    pub position: Position,
    pub is_local: bool,
    pub forgotten: bool,
}

/// Finds a room's number.
pub async fn find_nid(conn: &mut Conn, id: &RoomId) -> Result<Option<RoomNid>> {
    let found = sqlx::query_scalar!("select room_nid from rooms where room_id = ?", id.as_str());
    Ok(found.fetch_optional(conn).await?.map(RoomNid))
}

/// Loads a room's ID.
pub async fn load_id(conn: &mut Conn, room: RoomNid) -> Result<OwnedRoomId> {
    let id = sqlx::query_scalar!("select room_id as `room_id: RoomIdColumn` from rooms where room_nid = ?", room);
    Ok(id.fetch_one(conn).await?.0)
}

/// Finds where a room stands.
pub async fn find(conn: &mut Conn, room: RoomNid) -> Result<Option<StoredRoom>> {
    let row = sqlx::query!(
        "select rooms.room_nid, room_id as `room_id: RoomIdColumn`, version as `version: Text`, version_no,
                snapshot_nid, extremities
         from rooms
         join room_heads on room_heads.room_nid = rooms.room_nid
         where rooms.room_nid = ?",
        room
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let version = RoomVersionId::try_from(row.version.0)
        .map_err(|fault| Error::internal(format!("rooms.version of {}: {fault}", row.room_nid)))?;
    Ok(Some(StoredRoom {
        nid: RoomNid(row.room_nid),
        id: row.room_id.0,
        version,
        version_no: row.version_no,
        snapshot: SnapshotNid(row.snapshot_nid),
        extremities: row.extremities,
    }))
}

/// A row of `room_members`.
struct MemberRow {
    room_nid: i64,
    user_nid: i64,
    membership: i8,
    event_nid: i64,
    position: i64,
    is_local: bool,
    forgotten: bool,
}

impl From<MemberRow> for StoredMember {
    fn from(row: MemberRow) -> Self {
        Self {
            room: RoomNid(row.room_nid),
            user: UserNid(row.user_nid),
            membership: Membership::from_column(row.membership),
            event: EventNid(row.event_nid),
            position: Position(row.position),
            is_local: row.is_local,
            forgotten: row.forgotten,
        }
    }
}

/// Lists who is in a room, invited to it, or knocking.
pub async fn present_members(conn: &mut Conn, room: RoomNid) -> Result<Vec<StoredMember>> {
    let rows = sqlx::query_as!(
        MemberRow,
        "select room_nid, user_nid, membership, event_nid, position, is_local as `is_local: bool`,
                forgotten as `forgotten: bool`
         from room_members
         where room_nid = ? and membership in (1, 2, 3)",
        room
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(Into::into).collect())
}

/// Lists the local users who are or were in a room, invited to it, or otherwise known there.
pub async fn local_members(conn: &mut Conn, room: RoomNid) -> Result<Vec<UserNid>> {
    let users = sqlx::query_scalar!("select user_nid from room_members where room_nid = ? and is_local = 1", room);
    Ok(users.fetch_all(conn).await?.into_iter().map(UserNid).collect())
}

/// Lists all memberships of a user, also of rooms that were forgotten.
pub async fn of_user(conn: &mut Conn, user: UserNid) -> Result<Vec<StoredMember>> {
    let rows = sqlx::query_as!(
        MemberRow,
        "select room_nid, user_nid, membership, event_nid, position, is_local as `is_local: bool`,
                forgotten as `forgotten: bool`
         from room_members
         where user_nid = ?",
        user
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(Into::into).collect())
}

/// Finds one membership, forgotten or not.
pub async fn find_member(conn: &mut Conn, room: RoomNid, user: UserNid) -> Result<Option<StoredMember>> {
    let row = sqlx::query_as!(
        MemberRow,
        "select room_nid, user_nid, membership, event_nid, position, is_local as `is_local: bool`,
                forgotten as `forgotten: bool`
         from room_members
         where room_nid = ? and user_nid = ?",
        room,
        user
    );
    Ok(row.fetch_optional(conn).await?.map(Into::into))
}

/// Lists the events of one type in a room's current state.
pub async fn current_events(conn: &mut Conn, room: RoomNid, kind: &str) -> Result<Vec<EventNid>> {
    let events = sqlx::query_scalar!(
        "select event_nid
         from current_state
         join state_keys on state_keys.state_key_nid = current_state.state_key_nid
         where room_nid = ? and type = ?",
        room,
        kind
    );
    Ok(events.fetch_all(conn).await?.into_iter().map(EventNid).collect())
}

/// Lists the membership events of those who are banned from a room.
pub async fn bans(conn: &mut Conn, room: RoomNid) -> Result<Vec<EventNid>> {
    let events = sqlx::query_scalar!("select event_nid from room_members where room_nid = ? and membership = 5", room);
    Ok(events.fetch_all(conn).await?.into_iter().map(EventNid).collect())
}

/// Lists a page of the rooms that two users are both in, after the room `after`.
pub async fn shared(
    conn: &mut Conn,
    user: UserNid,
    other: UserNid,
    after: RoomNid,
    limit: i64,
) -> Result<Vec<(RoomNid, OwnedRoomId)>> {
    let rows = sqlx::query!(
        "select rooms.room_nid, room_id as `room_id: RoomIdColumn`
         from room_members as mine
         join room_members as theirs on theirs.room_nid = mine.room_nid
         join rooms on rooms.room_nid = mine.room_nid
         where mine.user_nid = ? and mine.membership = 1 and mine.room_nid > ?
           and theirs.user_nid = ? and theirs.membership = 1
         order by mine.room_nid
         limit ?",
        user,
        after,
        other,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (RoomNid(row.room_nid), row.room_id.0)).collect())
}

/// Counts the rooms that two users are both in.
pub async fn count_shared(conn: &mut Conn, user: UserNid, other: UserNid) -> Result<i64> {
    let count = sqlx::query_scalar!(
        "select count(*)
         from room_members as mine
         join room_members as theirs on theirs.room_nid = mine.room_nid
         where mine.user_nid = ? and mine.membership = 1 and theirs.user_nid = ? and theirs.membership = 1",
        user,
        other
    );
    Ok(count.fetch_one(conn).await?)
}

/// Forgets a room for a user who is not in it; returns whether there was anything to forget.
pub async fn forget(conn: &mut Conn, room: RoomNid, user: UserNid) -> Result<bool> {
    let done = sqlx::query!(
        "update room_members set forgotten = 1 where room_nid = ? and user_nid = ? and membership in (4, 5)",
        room,
        user
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Finds what an invited or knocking user may know of a room: a JSON array.
pub async fn find_stripped_state(conn: &mut Conn, room: RoomNid, user: UserNid) -> Result<Option<String>> {
    let found = sqlx::query_scalar!(
        "select content as `content: Text` from stripped_state where user_nid = ? and room_nid = ?",
        user,
        room
    );
    Ok(found.fetch_optional(conn).await?.map(|content| content.0))
}

/// Lists the requests that a device had carried out since `since_ms`: room, transaction ID, event ID.
pub async fn transactions(
    conn: &mut Conn,
    user: UserNid,
    device_id: &str,
    since_ms: i64,
) -> Result<Vec<(RoomNid, String, ruma::OwnedEventId)>> {
    let rows = sqlx::query!(
        "select room_nid, txn_id as `txn_id: Text`, event_id as `event_id: super::codec::EventIdColumn`
         from transactions
         where user_nid = ? and device_id = ? and created_at >= ?",
        user,
        device_id,
        since_ms
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (RoomNid(row.room_nid), row.txn_id.0, row.event_id.0)).collect())
}

/// Lists the first five users, but for `reader`, who are in a room or invited; if there are none, who
/// were.
pub async fn heroes(conn: &mut Conn, room: RoomNid, reader: UserNid) -> Result<Vec<UserNid>> {
    let present = sqlx::query_scalar!(
        "select user_nid
         from room_members
         where room_nid = ? and user_nid <> ? and membership in (1, 2)
         order by position
         limit 5",
        room,
        reader
    )
    .fetch_all(&mut *conn)
    .await?;
    if !present.is_empty() {
        return Ok(present.into_iter().map(UserNid).collect());
    }
    let past = sqlx::query_scalar!(
        "select user_nid
         from room_members
         where room_nid = ? and user_nid <> ? and membership in (4, 5)
         order by position
         limit 5",
        room,
        reader
    );
    Ok(past.fetch_all(conn).await?.into_iter().map(UserNid).collect())
}
