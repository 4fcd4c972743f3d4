//! Protections look at what happens and find what is wrong. What comes of a finding, operators choose for
//! each: nothing, a note, a question, or an act.

pub mod change;
pub mod chosen;
pub mod detectors;
pub mod finding;
mod guard;
pub mod sight;
pub mod standing;
pub mod tally;

pub use self::guard::{Guard, Parts};
pub use crate::config::protections as settings;
