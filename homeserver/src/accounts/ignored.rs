//! Whom local users ignore. Client-server API, "Ignoring Users".

use std::collections::{BTreeMap, HashSet};

use ruma::{OwnedUserId, UserId};
use serde::{Deserialize, de::IgnoredAny};

use super::followed::Followed;
use crate::{event::Event, storage::Storage, tail::Tail};

/// The users that each user ignores; clones share what is in memory.
pub type Ignored = Followed<HashSet<OwnedUserId>>;

/// What is stored in `storage` and changes through `tail`.
pub fn follow(storage: Storage, tail: Tail) -> Ignored {
    Followed::new(storage, tail, "m.ignored_user_list", ignored_in)
}

/// Whether somebody is spared an event because they ignore its sender: state is told in any case.
pub fn spares(ignored: &HashSet<OwnedUserId>, event: &Event) -> bool {
    event.state_key_nid.is_none() && !ignored.is_empty() && ignored.contains(event.sender())
}

fn ignored_in(content: Option<&str>, user_id: &UserId) -> HashSet<OwnedUserId> {
    #[derive(Deserialize)]
    struct Content {
        #[serde(default)]
        ignored_users: BTreeMap<OwnedUserId, IgnoredAny>,
    }
    let content = content.and_then(|content| serde_json::from_str::<Content>(content).ok());
    let ignored = content.map(|content| content.ignored_users).unwrap_or_default();
    // Nobody can ignore themselves.
    ignored.into_keys().filter(|ignored| ignored != user_id).collect()
}
