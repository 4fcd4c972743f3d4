//! What a command makes of a request: an answer, or a plan.

use serde_json::Value;

use crate::{actions::Plan, reply::Reply};

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It is answered. Programs get the same as JSON.
    Told(Reply, Value),
    /// This would be done.
    Planned {
        /// What would be done, and whom it would hit.
        preview: Reply,
        /// The same for programs.
        facts: Value,
        /// The plan.
        plan: Plan,
        /// Whether people confirm it first.
        needs_confirmation: bool,
    },
}

impl Answer {
    /// An answer in words, with the same for programs.
    pub fn told(reply: Reply, facts: Value) -> Self {
        Self::Told(reply, facts)
    }
}
