//! What an event says of its relation to another. Client-server API, "Forming relationships between
//! events".

use ruma::OwnedEventId;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The relation types that the server itself knows about.
pub mod rel_type {
    /// The event replaces the other's content.
    pub const REPLACE: &str = "m.replace";
    /// The event belongs to the thread that the other began.
    pub const THREAD: &str = "m.thread";
    /// The event refers to the other.
    pub const REFERENCE: &str = "m.reference";
    /// The event is a reaction to the other.
    pub const ANNOTATION: &str = "m.annotation";
}

/// The longest relation type and the longest key, in bytes: as long as any identifier.
const LONGEST: usize = 255;

/// A relation as its child states it: the content's `m.relates_to`. A mere reply has none, for want of
/// a `rel_type`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Relation {
    /// What kind of relation it is.
    pub rel_type: String,
    /// The parent.
    pub event_id: OwnedEventId,
    /// Which annotation it is, for annotations.
    pub key: Option<String>,
}

impl Relation {
    /// The relation in an event's content. One that does not match the schema counts as none.
    pub fn of(content: &RawValue) -> Option<Self> {
        #[derive(Deserialize)]
        struct Content {
            #[serde(rename = "m.relates_to")]
            relates_to: Option<Relation>,
        }
        // Most events relate to nothing: do not parse them.
        if !content.get().contains("m.relates_to") {
            return None;
        }
        let relation = serde_json::from_str::<Content>(content.get()).ok()?.relates_to?;
        let is_short =
            relation.rel_type.len() <= LONGEST && relation.key.as_ref().is_none_or(|key| key.len() <= LONGEST);
        is_short.then_some(relation)
    }

    /// Whether it is of this type.
    pub fn is(&self, rel_type: &str) -> bool {
        self.rel_type == rel_type
    }
}
