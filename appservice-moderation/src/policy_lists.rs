//! Policy lists: rooms in which others write down whom they recommend to ban. Whoever watches one lets its
//! rules work in the rooms that are looked after, and no longer than they stand there.

pub mod book;
pub mod effects;
pub mod preview;
pub mod rule;
mod service;
pub mod wants;

pub use self::service::{Followed, Parts, PolicyLists};
