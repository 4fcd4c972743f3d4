//! The rooms as administrators see them.

use sqlx::{FromRow, MySql, QueryBuilder};

use super::Page;
use crate::{
    Result,
    storage::{Conn, directory::escape_like, numbers::RoomNid},
};

/// Which rooms are wanted.
#[derive(Clone, Debug, Default)]
pub struct RoomFilter {
    /// A part of the name or of the canonical alias, or the room ID.
    pub term: Option<String>,
    /// Whether published rooms are; if not said, both are.
    pub published: Option<bool>,
    /// Whether rooms without anybody in them are.
    pub empty: Option<bool>,
}

/// By what rooms are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words are those of a room's state")]
pub enum RoomOrder {
    #[default]
    Name,
    CanonicalAlias,
    JoinedMembers,
    JoinedLocalMembers,
    Version,
    Creator,
    Encryption,
    Federatable,
    Published,
    JoinRules,
    GuestAccess,
    HistoryVisibility,
    StateEvents,
}

const JOINED: &str =
    "(select count(*) from room_members where room_members.room_nid = rooms.room_nid and membership = 1)";
const JOINED_LOCAL: &str = "(select count(*) from room_members where room_members.room_nid = rooms.room_nid \
     and is_local = 1 and membership = 1)";
const PUBLISHED: &str =
    "exists (select 1 from published_rooms where published_rooms.room_nid = rooms.room_nid and is_listed = 1)";

impl RoomOrder {
    fn expression(self) -> String {
        match self {
            Self::Name => state("m.room.name", "$.content.name"),
            Self::CanonicalAlias => state("m.room.canonical_alias", "$.content.alias"),
            Self::JoinedMembers => JOINED.to_owned(),
            Self::JoinedLocalMembers => JOINED_LOCAL.to_owned(),
            Self::Version => "rooms.version".to_owned(),
            Self::Creator => state("m.room.create", "$.sender"),
            Self::Encryption => state("m.room.encryption", "$.content.algorithm"),
            Self::Federatable => state("m.room.create", r#"$.content."m.federate""#),
            Self::Published => PUBLISHED.to_owned(),
            Self::JoinRules => state("m.room.join_rules", "$.content.join_rule"),
            Self::GuestAccess => state("m.room.guest_access", "$.content.guest_access"),
            Self::HistoryVisibility => state("m.room.history_visibility", "$.content.history_visibility"),
            Self::StateEvents => {
                "(select count(*) from current_state where current_state.room_nid = rooms.room_nid)".to_owned()
            }
        }
    }

    /// Whether it begins with what there is most of.
    fn is_of_numbers(self) -> bool {
        matches!(self, Self::JoinedMembers | Self::JoinedLocalMembers | Self::StateEvents)
    }
}

/// What a piece of a room's present state says at a place in its event.
fn state(kind: &str, path: &str) -> String {
    format!(
        "(select json_unquote(json_extract(convert(events.json using utf8mb4), '{path}')) \
          from state_keys \
          join current_state on current_state.state_key_nid = state_keys.state_key_nid \
          join events on events.event_nid = current_state.event_nid \
          where state_keys.type = '{kind}' and state_keys.state_key = '' and current_state.room_nid = rooms.room_nid)"
    )
}

#[derive(FromRow)]
struct Row {
    room_nid: i64,
}

/// Lists a page of the rooms that `filter` lets through.
pub async fn list(conn: &mut Conn, filter: &RoomFilter, order: RoomOrder, page: Page) -> Result<Vec<RoomNid>> {
    let mut query = QueryBuilder::new("select rooms.room_nid from rooms ");
    push_filter(&mut query, filter);
    let is_backward = page.is_backward != order.is_of_numbers();
    let direction = Page { is_backward, ..page }.direction();
    query.push(format!(" order by {} {direction}, rooms.room_nid {} limit ", order.expression(), page.direction()));
    query.push_bind(page.limit).push(" offset ").push_bind(page.from);
    let rows: Vec<Row> = query.build_query_as().fetch_all(conn).await?;
    Ok(rows.into_iter().map(|row| RoomNid(row.room_nid)).collect())
}

/// Counts the rooms that `filter` lets through.
pub async fn count(conn: &mut Conn, filter: &RoomFilter) -> Result<i64> {
    let mut query = QueryBuilder::new("select count(*) from rooms ");
    push_filter(&mut query, filter);
    Ok(query.build_query_scalar().fetch_one(conn).await?)
}

/// Counts the devices of those people of this server who are in a room.
pub async fn count_local_devices(conn: &mut Conn, room: RoomNid) -> Result<i64> {
    let count = sqlx::query_scalar!(
        "select count(*)
         from room_members
         join devices on devices.user_nid = room_members.user_nid
         where room_nid = ? and is_local = 1 and membership = 1",
        room
    );
    Ok(count.fetch_one(conn).await?)
}

/// Whether nobody of this server remembers a room.
pub async fn is_forgotten(conn: &mut Conn, room: RoomNid) -> Result<bool> {
    let found = sqlx::query_scalar!(
        "select user_nid from room_members where room_nid = ? and is_local = 1 and forgotten = 0 limit 1",
        room
    );
    Ok(found.fetch_optional(conn).await?.is_none())
}

fn push_filter(query: &mut QueryBuilder<MySql>, filter: &RoomFilter) {
    // A room whose creation failed has no head.
    query.push("join room_heads on room_heads.room_nid = rooms.room_nid where true");
    if let Some(term) = &filter.term {
        query.push(" and (rooms.room_id = ").push_bind(term.clone().into_bytes());
        let pattern = format!("%{}%", escape_like(term));
        for text in [RoomOrder::Name, RoomOrder::CanonicalAlias] {
            query.push(format!(" or {} collate utf8mb4_unicode_520_ci like ", text.expression()));
            query.push_bind(pattern.clone());
        }
        query.push(")");
    }
    if let Some(published) = filter.published {
        query.push(format!(" and {}{PUBLISHED}", if published { "" } else { "not " }));
    }
    if let Some(empty) = filter.empty {
        query.push(format!(" and {JOINED} {} 0", if empty { "=" } else { ">" }));
    }
}
