//! What an application service needs to know so that its users can encrypt: messages to their devices
//! (MSC4203), whose devices changed, and how many one-time keys are left (MSC3202).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ruma::{OneTimeKeyAlgorithm, OwnedDeviceId, OwnedUserId};

use super::{Sources, interests::Interests, pages::Message};
use crate::{
    Result,
    event::{Event, member_of},
    json::{Object, quoted},
    rooms::view::membership_in,
    storage::{
        keys::supply::KeySupply,
        numbers::{Position, UserNid},
        rooms::Membership,
        to_device,
    },
};

/// Messages to the devices of an application service's own users.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// As JSON objects.
    pub(super) json: Vec<String>,
    /// Up to where each device has them, and needs them no more.
    pub(super) delivered: BTreeMap<(UserNid, OwnedDeviceId), Position>,
}

/// Those of `messages` up to `until` that are for its own users: other people's devices fetch theirs
/// themselves.
pub(super) async fn messages(
    sources: &Sources,
    interests: &Interests,
    messages: &[Message],
    until: Position,
) -> Result<Messages> {
    let mut found = Messages::default();
    for message in messages.iter().filter(|message| message.position <= until) {
        let user_id = sources.storage.user_id(message.user).await?;
        if !interests.service().owns_user(&user_id) {
            continue;
        }
        let Some(members) = message.json.strip_suffix('}') else { continue };
        let (user, device) = (quoted(user_id.as_str()), quoted(message.device_id.as_str()));
        found.json.push(format!("{members},\"to_user_id\":{user},\"to_device_id\":{device}}}"));
        found.delivered.insert((message.user, message.device_id.clone()), message.position);
    }
    Ok(found)
}

/// Changes of devices, and what is left of keys.
#[derive(Debug, Default)]
pub(super) struct Encryption {
    changed: BTreeSet<OwnedUserId>,
    left: BTreeSet<OwnedUserId>,
    supplies: BTreeMap<OwnedUserId, Vec<(OwnedDeviceId, Arc<KeySupply>)>>,
}

impl Encryption {
    /// What follows from changes of `device_lists`, from `events`, and from messages to `receivers`.
    pub(super) async fn gather(
        sources: &Sources,
        interests: &Interests,
        device_lists: &[UserNid],
        events: &[Arc<Event>],
        receivers: impl IntoIterator<Item = UserNid>,
    ) -> Result<Self> {
        let mut found = Self::default();
        for user in device_lists.iter().copied().collect::<BTreeSet<_>>() {
            let user_id = sources.storage.user_id(user).await?;
            if interests.include_user(user, &user_id).await? {
                found.changed.insert(user_id);
            }
        }
        let mut its: BTreeSet<UserNid> = receivers.into_iter().collect();
        for event in events {
            let view = sources.rooms.load(event.room_nid).await?;
            if !view.is_encrypted() {
                continue;
            }
            let local: Vec<UserNid> = view.local.iter().copied().collect();
            its.extend(interests.users_among(&local).await?.into_iter().map(|(user, _)| user));
            found.note_membership(sources, interests, event).await?;
        }
        found.note_supplies(sources, &its).await?;
        Ok(found)
    }

    /// Notes who came into an encrypted room, or whom its users met there, and who left.
    async fn note_membership(&mut self, sources: &Sources, interests: &Interests, event: &Arc<Event>) -> Result<()> {
        let Some(member) = member_of(event) else { return Ok(()) };
        let is_its = interests.service().is_interested_in_user(&member);
        match (membership_in(event), is_its) {
            (Membership::Join, false) => drop(self.changed.insert(member)),
            (Membership::Join, true) => {
                let view = sources.rooms.load(event.room_nid).await?;
                let others: Vec<UserNid> = view.joined.iter().copied().collect();
                self.changed.extend(sources.storage.user_ids(&others).await?);
            }
            (Membership::Leave | Membership::Ban, false) => {
                let Some(user) = sources.storage.find_user_nid(&member).await? else { return Ok(()) };
                if !interests.include_user(user, &member).await? {
                    self.changed.remove(&member);
                    self.left.insert(member);
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn note_supplies(&mut self, sources: &Sources, users: &BTreeSet<UserNid>) -> Result<()> {
        let users: Vec<UserNid> = users.iter().copied().collect();
        for (user, device_id) in to_device::list_devices(&mut *sources.storage.conn().await?, &users).await? {
            let supply = sources.keys.supply(user, &device_id).await?;
            let user_id = sources.storage.user_id(user).await?;
            self.supplies.entry(user_id).or_default().push((device_id, supply));
        }
        Ok(())
    }

    /// Whether it is worth a transaction by itself: how many keys are left is told with other things.
    pub(super) fn is_news(&self) -> bool {
        !self.changed.is_empty() || !self.left.is_empty()
    }

    pub(super) fn write(&self, body: &mut Object<'_>) {
        if self.is_news() {
            body.object("org.matrix.msc3202.device_lists", |lists| {
                lists.array("changed", &self.changed, |out, user| out.push_str(&quoted(user.as_str())));
                lists.array("left", &self.left, |out, user| out.push_str(&quoted(user.as_str())));
            });
        }
        if self.supplies.is_empty() {
            return;
        }
        body.object("org.matrix.msc3202.device_one_time_keys_count", |users| {
            for (user, devices) in &self.supplies {
                users.object(user.as_str(), |members| {
                    for (device_id, supply) in devices {
                        members.object(device_id.as_str(), |counts| write_counts(counts, supply));
                    }
                });
            }
        });
        body.object("org.matrix.msc3202.device_unused_fallback_key_types", |users| {
            for (user, devices) in &self.supplies {
                users.object(user.as_str(), |members| {
                    for (device_id, supply) in devices {
                        members.array(device_id.as_str(), &supply.unused_fallback_key_types, |out, algorithm| {
                            out.push_str(&quoted(algorithm.as_str()));
                        });
                    }
                });
            }
        });
    }
}

fn write_counts(counts: &mut Object<'_>, supply: &KeySupply) {
    // What is not named is taken for something one need not care about.
    if !supply.one_time_key_counts.contains_key(&OneTimeKeyAlgorithm::SignedCurve25519) {
        counts.plain("signed_curve25519", 0);
    }
    for (algorithm, count) in &supply.one_time_key_counts {
        counts.plain(algorithm.as_str(), count);
    }
}
