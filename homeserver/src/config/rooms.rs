//! `[rooms]`: what new rooms are like.

use ruma::RoomVersionId;
use serde::{Deserialize, Serialize};

use super::Problem;

/// New rooms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rooms {
    /// The version of rooms whose creator chooses none.
    pub default_version: RoomVersionId,
}

impl Default for Rooms {
    fn default() -> Self {
        Self { default_version: RoomVersionId::V12 }
    }
}

impl Rooms {
    pub(super) fn check(&self) -> Result<(), Problem> {
        match self.default_version.rules() {
            Some(_) => Ok(()),
            None => Err(Problem::new("rooms.default_version", "is not a room version from \"1\" to \"12\"")),
        }
    }
}
