//! Protections look at what happens and find what is wrong. What comes of a finding, operators choose for
//! each: nothing, a note, a question, or an act.

pub mod change;
pub mod detectors;
pub mod finding;
pub mod patterns;
pub mod settings;
pub mod sight;
pub mod standing;
pub mod tally;
