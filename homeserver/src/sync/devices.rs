//! Whose devices changed, and with whom the user no longer shares a room.

use std::collections::BTreeSet;

use ruma::{OneTimeKeyAlgorithm, OwnedUserId};

use super::{Asked, Sync, moment::Moment, room::Sections};
use crate::{
    Result,
    json::{Object, quoted},
    rooms::view::{View, membership_in},
    storage::{
        keys::supply::KeySupply,
        numbers::{Position, UserNid},
        rooms::Membership,
        streams,
    },
};

/// Users whose devices the client has to ask for anew, and those it can forget.
#[derive(Debug, Default)]
pub(super) struct Devices {
    changed: Vec<OwnedUserId>,
    left: Vec<OwnedUserId>,
}

impl Devices {
    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.left.is_empty()
    }

    pub(super) fn write(&self, answer: &mut Object<'_>) {
        if self.is_empty() {
            return;
        }
        answer.object("device_lists", |lists| {
            lists.array("changed", &self.changed, |out, user| out.push_str(&quoted(user.as_str())));
            lists.array("left", &self.left, |out, user| out.push_str(&quoted(user.as_str())));
        });
    }
}

/// Writes how many keys the asking device has left for others.
pub(super) fn write_supply(answer: &mut Object<'_>, supply: &KeySupply) {
    answer.object("device_one_time_keys_count", |counts| {
        // Clients take an algorithm that is not named for one they need not care about.
        if !supply.one_time_key_counts.contains_key(&OneTimeKeyAlgorithm::SignedCurve25519) {
            counts.plain("signed_curve25519", 0);
        }
        for (algorithm, count) in &supply.one_time_key_counts {
            counts.plain(algorithm.as_str(), count);
        }
    });
    answer.array("device_unused_fallback_key_types", &supply.unused_fallback_key_types, |out, algorithm| {
        out.push_str(&quoted(algorithm.as_str()));
    });
}

impl Sync {
    /// Gathers the changes of device lists since the client's token.
    pub(super) async fn devices(&self, asked: &Asked, moment: &Moment, _: &Sections) -> Result<Devices> {
        let Some(since) = asked.position() else { return Ok(Devices::default()) };
        let mut changed: BTreeSet<UserNid> = match &moment.device_lists {
            Some(users) => users.iter().copied().collect(),
            None => {
                let mut conn = self.storage.conn().await?;
                streams::device_lists_since(&mut conn, since, moment.head).await?.into_iter().collect()
            }
        };
        let mut maybe_left = BTreeSet::new();
        self.note_memberships(asked, moment, since, &mut changed, &mut maybe_left).await?;
        if changed.is_empty() && maybe_left.is_empty() {
            return Ok(Devices::default());
        }
        let mut views = Vec::new();
        for (room, residence) in &moment.rooms {
            if residence.membership == Membership::Join {
                views.push(self.rooms.load(*room).await?);
            }
        }
        let shares = |user: &UserNid| views.iter().any(|view| view.is_joined(*user));
        let changed: Vec<UserNid> =
            changed.into_iter().filter(|user| *user == asked.user.nid || shares(user)).collect();
        let left: Vec<UserNid> = maybe_left.into_iter().filter(|user| !shares(user)).collect();
        Ok(Devices { changed: self.storage.user_ids(&changed).await?, left: self.storage.user_ids(&left).await? })
    }

    /// Notes who came into the user's rooms (or whom they met by coming into one), and who left.
    async fn note_memberships(
        &self,
        asked: &Asked,
        moment: &Moment,
        since: Position,
        came: &mut BTreeSet<UserNid>,
        went: &mut BTreeSet<UserNid>,
    ) -> Result<()> {
        for news in &moment.news {
            let view = self.rooms.load(news.room).await?;
            let others =
                |view: &View| view.joined.iter().copied().filter(|user| *user != asked.user.nid).collect::<Vec<_>>();
            if news.residence.position > since {
                match news.residence.membership {
                    Membership::Join => came.extend(others(&view)),
                    _ => went.extend(others(&view)),
                }
            }
            let events = match news.events() {
                Some(events) => events,
                None => self.rooms.member_changes_between(news.room, since, moment.head).await?,
            };
            for event in events {
                let Some(member) = crate::event::member_of(&event) else { continue };
                if member == asked.user.id {
                    continue;
                }
                let member = self.storage.intern_user(&member).await?;
                match membership_in(&event) {
                    Membership::Join => came.insert(member),
                    _ => went.insert(member),
                };
            }
        }
        Ok(())
    }
}
