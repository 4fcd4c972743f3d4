//! Does what policy lists are about: shuts servers out of rooms, follows lists.

use std::collections::BTreeSet;

use ruma::RoomId;
use serde_json::json;

use super::{
    Acl, Actions, State,
    perform::{Circumstances, Outcome},
};
use crate::{
    Result,
    storage::policy_lists::{self, state},
};

const ACL: &str = "m.room.server_acl";

impl Actions {
    /// The access control list of a room.
    pub async fn access_list(&self, room: &RoomId) -> Result<Acl> {
        Ok(Acl::read(self.bot.state(room, ACL, "").await?.as_ref()))
    }

    /// Shuts servers out of a room or lets them in again, and leaves all others as they are. What is left behind
    /// are those for which that was something new.
    pub(super) async fn change_acl(
        &self,
        room: &RoomId,
        denied: &[String],
        allowed: &[String],
        at: Circumstances<'_>,
    ) -> Result<(State, Outcome)> {
        let before = self.access_list(room).await?;
        let news = denied.iter().filter(|server| !before.denies(server));
        let news = news.chain(allowed.iter().filter(|server| before.denies(server)));
        let news: BTreeSet<String> = news.cloned().collect();
        if news.is_empty() && !at.is_repeated() {
            return Ok((State::Needless, Outcome::default()));
        }
        // What was new was noted when this was begun for the first time.
        let noted = self.note_before(at, json!(news)).await?;
        if !news.is_empty() {
            let after = before.changed(&denied.iter().cloned().collect(), &allowed.iter().cloned().collect());
            after.check(&before, self.bot.user_id().server_name())?;
            self.bot.set_state(room, ACL, "", &after.content()).await?;
        }
        Ok((State::Done, Outcome::before(noted)))
    }

    /// Follows a policy list with these effects, or no more; what is left behind are the effects before.
    pub(super) async fn watch(
        &self,
        list: &RoomId,
        effects: Option<&str>,
        at: Circumstances<'_>,
    ) -> Result<(State, Outcome)> {
        let mut conn = self.storage.conn().await?;
        let known = policy_lists::list(&mut conn).await?.into_iter().find(|known| known.room_id == list);
        let known = known.filter(|known| known.state != state::LEAVING);
        let before = known.as_ref().map(|known| known.effects.as_str());
        if before == effects && !at.is_repeated() {
            return Ok((State::Needless, Outcome::default()));
        }
        let noted = self.note_before(at, json!(before)).await?;
        match effects {
            Some(effects) => {
                let now_ms = self.clock.now_ms();
                policy_lists::put(&mut conn, list, (effects, state::FRESH), at.by, now_ms).await?;
            }
            None => policy_lists::leave(&mut conn, list).await?,
        }
        self.signals.lists.notify_one();
        Ok((State::Done, Outcome::before(noted)))
    }
}
