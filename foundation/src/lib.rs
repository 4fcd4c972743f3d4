//! What Salon's programs stand on. Knows nothing of what they do.

pub mod clock;
pub mod config;
pub mod database;
pub mod logging;
pub mod tasks;
