//! The heart: events, state, rules. The only writer of events.

pub mod events;
pub mod snapshots;
