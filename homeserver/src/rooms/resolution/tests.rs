//! Rooms that fork, and what their servers must agree on.

mod random;
mod room;
mod stored;
mod v1;
mod v2;
mod v2_1;
