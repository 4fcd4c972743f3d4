//! The programs as operators know them: started together, killed at any moment, stopped.

mod kills;
mod program;
mod running;
