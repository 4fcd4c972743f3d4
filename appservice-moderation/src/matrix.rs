//! Speaks to the homeserver, over HTTP alone: as its bot, and as the person for whom something is done.

mod access;
mod bot;
mod client;
mod power_levels;

pub use self::{
    access::{Access, Account, FeedEvent, FeedReport, Preview, Rule, RuleForm, Session},
    bot::Bot,
    client::Client,
    power_levels::PowerLevels,
};
