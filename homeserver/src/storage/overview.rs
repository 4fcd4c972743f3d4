//! What administrators see of all accounts and rooms: lists that can be searched and sorted in many ways.
//! They read much, and are for people who look, not for what a request needs.

pub mod rooms;
pub mod users;

/// Which entries of a list are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// How many are left out before.
    pub from: u32,
    /// How many at most.
    pub limit: u32,
    /// Whether the order is turned round.
    pub is_backward: bool,
}

impl Page {
    pub(super) fn direction(&self) -> &'static str {
        if self.is_backward { "desc" } else { "asc" }
    }
}
