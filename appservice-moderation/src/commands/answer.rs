//! What a command makes of a request: an answer, or a plan.

use serde_json::Value;

use super::Arguments;
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
        /// What comes of it.
        next: Next,
    },
}

/// What comes of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is only told.
    Tell,
    /// People are asked to confirm it.
    Ask,
    /// It is done.
    Act,
}

impl Answer {
    /// An answer in words, with the same for programs.
    pub fn told(reply: Reply, facts: Value) -> Self {
        Self::Told(reply, facts)
    }

    /// A plan that people confirm, unless `arguments` say something else.
    pub(super) fn ask(arguments: &Arguments, preview: Reply, facts: Value, plan: Plan) -> Self {
        let next = if arguments.is_set("yes") { Next::Act } else { Next::Ask };
        Self::planned(arguments, preview, facts, plan, next)
    }

    /// A plan that hits nobody and is carried out, unless `arguments` say something else.
    pub(super) fn act(arguments: &Arguments, preview: Reply, facts: Value, plan: Plan) -> Self {
        Self::planned(arguments, preview, facts, plan, Next::Act)
    }

    fn planned(arguments: &Arguments, preview: Reply, facts: Value, plan: Plan, next: Next) -> Self {
        let next = if arguments.is_rehearsal() { Next::Tell } else { next };
        Self::Planned { preview, facts, plan, next }
    }
}
