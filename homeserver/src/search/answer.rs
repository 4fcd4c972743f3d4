//! Writes the results of a search.

use std::collections::HashMap;

use ruma::{
    OwnedRoomId, UserId,
    api::client::search::search_events::v3::{EventContext, GroupingKey},
};
use serde::Deserialize;

use super::{
    Asked, Found, Results, Search,
    token::{Group, Token},
};
use crate::{
    Result,
    accounts::User,
    json::{self, Object},
    reading::{Around, filter::EventFilter, telling::Telling},
    rooms::timeline::Visible,
};

/// Names and avatars of those who spoke, as they were then: user IDs with JSON objects.
type Profiles = Vec<(String, String)>;

/// A result with what is told around it, as JSON.
struct Told {
    result: String,
    context: Option<String>,
}

impl Search {
    pub(super) async fn answer(&self, searcher: &User, asked: &Asked, mut results: Results) -> Result<String> {
        let mut told = Vec::with_capacity(results.events.len());
        for found in &results.events {
            let Some((view, sight)) = results.sights.get_mut(&found.visible.event.room_nid) else { continue };
            let mut around = None;
            if let Some(context) = &asked.context {
                let limits = (size(context.before_limit), size(context.after_limit));
                let filter = EventFilter::default();
                around = Some(self.reading.around(sight, view, &found.visible, limits, &filter).await?);
            }
            let mut all = vec![&found.visible];
            if let Some(around) = &around {
                all.extend(around.before.iter().chain(&around.after));
            }
            let telling = self.reading.telling(sight, searcher, all).await?;
            let context = match (&asked.context, around) {
                (Some(context), Some(around)) => {
                    let profiles = self.profiles(context, &found.visible, &around).await?;
                    Some(write_context(&telling, &around, profiles))
                }
                _ => None,
            };
            told.push(Told { result: telling.text(&found.visible), context });
        }
        let states = if asked.include_state { self.states(searcher, &results).await? } else { Vec::new() };
        let is_full = results.events.len() == asked.limit;
        let words = asked.words.len();
        let next = results.events.last().filter(|_| is_full);
        let group = asked.token.map_or(Group::All, |token| token.group);
        let token = |last: &Found, group| Token { last: last.found, count: results.count, group }.to_string();
        Ok(json::object(|answer| {
            answer.object("search_categories", |categories| {
                categories.object("room_events", |part| {
                    part.plain("count", results.count);
                    part.array("highlights", &asked.words, |out, word| out.push_str(&json::quoted(word)));
                    part.array("results", told.iter().zip(&results.events), |out, (told, found)| {
                        json::write_object(out, |result| {
                            result.plain("rank", rank(found.found.weight, words));
                            result.raw("result", &told.result);
                            if let Some(context) = &told.context {
                                result.raw("context", context);
                            }
                        });
                    });
                    if asked.include_state {
                        part.object("state", |part| {
                            for (room_id, state) in &states {
                                part.raw(room_id.as_str(), state);
                            }
                        });
                    }
                    if !asked.groupings.is_empty() {
                        part.object("groups", |groups| {
                            for key in &asked.groupings {
                                groups.object(key.as_ref(), |part| {
                                    write_groups(part, key, &results.events, |last, group| {
                                        is_full.then(|| token(last, group))
                                    });
                                });
                            }
                        });
                    }
                    if let Some(last) = next {
                        part.text("next_batch", &token(last, group));
                    }
                });
            });
        }))
    }

    /// The profiles of those who spoke, from the state at the result, if they are asked for.
    async fn profiles(&self, context: &EventContext, result: &Visible, around: &Around) -> Result<Option<Profiles>> {
        #[derive(Deserialize)]
        struct Profile {
            displayname: Option<String>,
            avatar_url: Option<String>,
        }
        let Some(state) = result.event.snapshot.filter(|_| context.include_profile) else { return Ok(None) };
        let state = self.rooms.snapshots().load(state).await?;
        let all = around.before.iter().chain(&around.after).chain([result]);
        let mut senders: Vec<&UserId> = all.map(|visible| visible.event.sender()).collect();
        senders.sort_unstable();
        senders.dedup();
        let members = self.rooms.member_events_of(&state, senders).await?;
        let profiles = members.iter().filter_map(|member| {
            let profile = member.content_as::<Profile>()?;
            let json = json::object(|object| {
                if let Some(name) = &profile.displayname {
                    object.text("displayname", name);
                }
                if let Some(avatar) = &profile.avatar_url {
                    object.text("avatar_url", avatar);
                }
            });
            Some((member.state_key()?.to_owned(), json))
        });
        Ok(Some(profiles.collect()))
    }

    /// The state of every room in the results, as the searcher may know it.
    async fn states(&self, searcher: &User, results: &Results) -> Result<Vec<(OwnedRoomId, String)>> {
        let mut states: Vec<(OwnedRoomId, String)> = Vec::new();
        for found in &results.events {
            let room_id = found.visible.event.room_id();
            if !states.iter().any(|(known, _)| known == room_id) {
                states.push((room_id.to_owned(), self.reading.state(searcher, room_id).await?));
            }
        }
        Ok(states)
    }
}

fn size(limit: ruma::UInt) -> usize {
    usize::try_from(u64::from(limit)).unwrap_or(usize::MAX).min(super::LIMIT.1)
}

/// How much of an event are the words that were searched for: from 0 to 1.
fn rank(weight: i64, words: usize) -> f64 {
    let whole = 1000.0 * words.max(1) as f64;
    weight as f64 / whole
}

fn write_context(telling: &Telling<'_>, around: &Around, profiles: Option<Profiles>) -> String {
    json::object(|context| {
        context.text("start", &around.start.to_string());
        context.text("end", &around.end.to_string());
        context.array("events_before", &around.before, |out, visible| telling.write(out, visible));
        context.array("events_after", &around.after, |out, visible| telling.write(out, visible));
        if let Some(profiles) = profiles {
            context.object("profile_info", |part| {
                for (user, profile) in &profiles {
                    part.raw(user, profile);
                }
            });
        }
    })
}

/// Writes which results belong together, and where to read on in each group.
fn write_groups(
    part: &mut Object<'_>,
    key: &GroupingKey,
    results: &[Found],
    next: impl Fn(&Found, Group) -> Option<String>,
) {
    let mut order: Vec<String> = Vec::new();
    let mut groups: HashMap<String, Vec<&Found>> = HashMap::new();
    for found in results {
        let event = &found.visible.event;
        let name = match key {
            GroupingKey::Sender => event.sender().to_string(),
            _ => event.room_id().to_string(),
        };
        if !groups.contains_key(&name) {
            order.push(name.clone());
        }
        groups.entry(name).or_default().push(found);
    }
    for (number, name) in (1..).zip(&order) {
        let members = &groups[name];
        part.object(name, |group| {
            group.plain("order", number);
            group
                .array("results", members, |out, found| out.push_str(&json::quoted(found.visible.event.id().as_str())));
            let last = members.last().expect("a group has the member that made it");
            let of = match key {
                GroupingKey::Sender => Group::Sender(last.visible.event.sender_nid),
                _ => Group::Room(last.visible.event.room_nid),
            };
            if let Some(token) = next(last, of) {
                group.text("next_batch", &token);
            }
        });
    }
}
