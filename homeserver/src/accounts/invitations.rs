//! Whether local users want to be invited at all. Client-server API, "Invite permission".

use ruma::UserId;
use serde::Deserialize;

use super::followed::Followed;
use crate::{storage::Storage, tail::Tail};

/// Whether each user blocks all invitations; clones share what is in memory.
pub type Invitations = Followed<bool>;

/// What is stored in `storage` and changes through `tail`.
pub fn follow(storage: Storage, tail: Tail) -> Invitations {
    Followed::new(storage, tail, "m.invite_permission_config", are_blocked)
}

fn are_blocked(content: Option<&str>, _: &UserId) -> bool {
    #[derive(Deserialize)]
    struct Content {
        default_action: Option<String>,
    }
    let content = content.and_then(|content| serde_json::from_str::<Content>(content).ok());
    content.and_then(|content| content.default_action).is_some_and(|action| action == "block")
}
