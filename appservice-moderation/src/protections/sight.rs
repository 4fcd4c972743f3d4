//! What protections see of an event. Contents are written by anybody, so nothing in them is taken for
//! granted: what has another form than expected is as if it were not there.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, ServerName, UserId};
use serde_json::Value;

use crate::event::Event;

/// By how much the clocks of servers may differ, in milliseconds.
const CLOCK_SKEW_MS: u64 = 30_000;
/// Longest text that is looked at, in bytes: no event is longer.
const LONGEST_TEXT: usize = 65_536;

/// An event in a protected room.
#[derive(Clone, Debug)]
pub struct Sight {
    /// The room.
    pub room: OwnedRoomId,
    /// The event.
    pub event: OwnedEventId,
    /// Who sent it.
    pub sender: OwnedUserId,
    /// When, in ms since the epoch.
    pub at: i64,
    /// What it is.
    pub what: What,
}

/// Kinds of events.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The sender came into the room.
    Joined {
        /// The name that they give themselves.
        name: Option<String>,
    },
    /// The sender, who was there, has another name now.
    Renamed {
        /// The name.
        name: Option<String>,
    },
    /// Somebody was invited.
    Invited {
        /// Who.
        user: OwnedUserId,
    },
    /// Somebody was banned.
    Banned {
        /// Who.
        user: OwnedUserId,
        /// The name that they had.
        name: Option<String>,
    },
    /// The ban of somebody was lifted.
    Unbanned {
        /// Who.
        user: OwnedUserId,
    },
    /// Something was said.
    Said(Said),
    /// Something else was sent.
    Sent,
    /// What protections pass over.
    Other,
}

/// What was said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// All texts in it.
    pub texts: Vec<String>,
    /// Whether it is a picture, a video, a sound, a file, or a sticker.
    pub is_media: bool,
    /// Whether there is a link in it, other than to people.
    pub has_link: bool,
    /// Who is called.
    pub mentions: BTreeSet<String>,
    /// Whether the whole room is called.
    pub calls_room: bool,
}

impl Sight {
    /// Looks at an event that arrived at `now`.
    pub fn of(event: &Event, own_server: &ServerName, now: i64) -> Self {
        let sent_at = event.origin_server_ts;
        // The clocks of other servers are not trusted: who sets theirs back could do what they like.
        let is_plausible = event.sender.server_name() == own_server || now.abs_diff(sent_at) <= CLOCK_SKEW_MS;
        Self {
            room: event.room_id.clone(),
            event: event.event_id.clone(),
            sender: event.sender.clone(),
            at: if is_plausible { sent_at.min(now) } else { now },
            what: what(event),
        }
    }
}

fn what(event: &Event) -> What {
    match &*event.kind {
        "m.room.member" => membership(event),
        // Who takes back what they wrote does what is wanted.
        "m.room.redaction" => What::Other,
        "m.room.message" | "m.sticker" | "m.poll.start" | "org.matrix.msc3381.poll.start" | "m.reaction" => {
            What::Said(said(event.kind == "m.sticker", &event.content))
        }
        _ => What::Sent,
    }
}

fn membership(event: &Event) -> What {
    let Some((membership, user)) = event.membership() else { return What::Other };
    let before = &event.unsigned["prev_content"];
    let was = before["membership"].as_str().unwrap_or("leave");
    let name = |content: &Value| content["displayname"].as_str().map(ToOwned::to_owned);
    match membership {
        "join" if user != event.sender => What::Other,
        "join" if was != "join" => What::Joined { name: name(&event.content) },
        "join" if before["displayname"] != event.content["displayname"] => What::Renamed { name: name(&event.content) },
        "invite" if was != "invite" => What::Invited { user },
        "ban" => What::Banned { user, name: name(before).or_else(|| name(&event.content)) },
        "leave" if was == "ban" => What::Unbanned { user },
        _ => What::Other,
    }
}

fn said(is_sticker: bool, content: &Value) -> Said {
    let kinds = ["m.image", "m.video", "m.audio", "m.file"];
    let mut said = Said { is_media: is_sticker, ..Said::default() };
    // An edit says something new, which nobody has looked at.
    for content in [content, &content["m.new_content"]] {
        said.is_media |= content["msgtype"].as_str().is_some_and(|kind| kinds.contains(&kind));
        texts(content, &mut said.texts, 0);
        let mentions = &content["m.mentions"];
        said.calls_room |= mentions["room"].as_bool().unwrap_or_default();
        let named = mentions["user_ids"].as_array().into_iter().flatten().filter_map(Value::as_str);
        said.mentions.extend(named.filter(|user| UserId::parse(user).is_ok()).map(str::to_lowercase));
    }
    for text in &said.texts {
        said.has_link |= has_link(text);
        said.mentions.extend(called(text));
    }
    said
}

/// Everything that people read of a content.
fn texts(content: &Value, found: &mut Vec<String>, depth: u8) {
    const NAMES: [&str; 6] = ["body", "formatted_body", "filename", "m.text", "question", "answers"];
    match content {
        Value::String(text) if text.len() <= LONGEST_TEXT => found.push(text.clone()),
        Value::Array(items) if depth < 4 => items.iter().for_each(|item| texts(item, found, depth + 1)),
        Value::Object(members) if depth < 4 => {
            for (name, value) in members {
                let is_poll = matches!(&**name, "m.poll" | "m.poll.start" | "org.matrix.msc3381.poll.start");
                let is_reaction = name == "m.relates_to" && value["rel_type"] == "m.annotation";
                if is_reaction {
                    texts(&value["key"], found, depth + 1);
                } else if is_poll || NAMES.contains(&&**name) || name == "org.matrix.msc1767.text" {
                    texts(value, found, depth + 1);
                }
            }
        }
        _ => {}
    }
}

/// Whether there is a link in `text`. Links to people are mentions.
fn has_link(text: &str) -> bool {
    static LINK: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(?:https?|ftp|mxc|magnet|matrix|tg)://?[^\s<>]+|\bmatrix:(?:r|roomid)/|\bwww\.\w|\b(?:t\.me|discord\.gg)/\w")
            .expect("the expression is valid")
    });
    LINK.find_iter(text).any(|link| person(link.as_str()).is_none())
}

/// The users to whom `text` links or whom it names.
fn called(text: &str) -> impl Iterator<Item = String> {
    static PERSON: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:https?://matrix\.to/#/)?(?:@|%40)[0-9A-Za-z._=/+\-]{1,200}(?::|%3A|%3a)[0-9A-Za-z.\-]{1,200}")
            .expect("the expression is valid")
    });
    PERSON.find_iter(text).filter_map(|found| {
        let found = found.as_str();
        person(found).or_else(|| UserId::parse(found).ok().map(|user| user.as_str().to_lowercase()))
    })
}

/// The user to whom a link leads.
fn person(link: &str) -> Option<String> {
    let rest = link.split_once("matrix.to/#/")?.1;
    let rest = rest.split(['?', '"', '\'', '/']).next().unwrap_or_default();
    let user = percent_encoding::percent_decode_str(rest).decode_utf8().ok()?;
    UserId::parse(&*user).ok().map(|user| user.as_str().to_lowercase())
}

#[cfg(test)]
mod tests;
