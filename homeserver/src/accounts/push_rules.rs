//! The push rules of local users: what they are to be notified of. Client-server API, "Push Rules".
//!
//! They are account data of the type `m.push_rules`. What is stored is brought up to date with the
//! server's default rules whenever it is read.

pub mod defaults;

use std::sync::Arc;

use ruma::{UserId, push::Ruleset};
use serde::Deserialize;

use super::followed::Followed;
use crate::{
    Result,
    storage::{Storage, numbers::UserNid},
    tail::Tail,
};

/// The type of account data.
pub const TYPE: &str = "m.push_rules";

/// Push rules of all users; clones share what is in memory.
#[derive(Clone, Debug)]
pub struct PushRules {
    users: Followed<Ruleset>,
}

impl PushRules {
    /// The rules that are stored in `storage` and whose changes come through `tail`.
    pub fn new(storage: Storage, tail: Tail) -> Self {
        Self { users: Followed::new(storage, tail, TYPE, rules_in) }
    }

    /// The rules of a user as they are committed.
    pub async fn load(&self, user: UserNid, user_id: &UserId) -> Result<Arc<Ruleset>> {
        self.users.load(user, user_id).await
    }
}

/// The rules in the content of `m.push_rules`, with the server's present default rules.
fn rules_in(content: Option<&str>, user_id: &UserId) -> Ruleset {
    #[derive(Deserialize)]
    struct Content {
        global: Ruleset,
    }
    let content = content.and_then(|content| serde_json::from_str::<Content>(content).ok());
    let mut rules = content.map_or_else(Ruleset::new, |content| content.global);
    rules.update_with_server_default(defaults::rules(user_id));
    rules
}
