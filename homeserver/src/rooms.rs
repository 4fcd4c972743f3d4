//! The heart: events, state, rules. The only writer of events.
