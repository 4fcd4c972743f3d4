//! The numbers by which rows are known: interned identifiers and positions on the number line.

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type)]
        #[sqlx(transparent)]
        pub struct $name(pub i64);
        )*
    };
}

numbers! {
    /// A user, local or remote.
    UserNid;
    /// A room.
    RoomNid;
    /// An event; the order of these numbers means nothing.
    EventNid;
    /// A pair of event type and state key.
    StateKeyNid;
    /// A stored state of a room.
    SnapshotNid;
    /// A place on the one number line of everything that `/sync` can deliver. Events that were
    /// fetched later than they happened have places below zero.
    Position;
}

impl Position {
    /// Before everything that is news.
    pub const ZERO: Self = Self(0);

    /// The place `count` further on.
    #[must_use]
    pub fn after(self, count: usize) -> Self {
        Self(self.0 + i64::try_from(count).expect("a batch has far fewer facts than i64 counts"))
    }
}
