//! Speaks to push gateways. Push gateway API.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::bail;
use ruma::{
    UserId,
    push::{Action, PushFormat, Tweak},
    serde::JsonObject,
};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::pushers::Target;
use crate::{
    Result,
    event::Event,
    json::{self, Object},
    remote::outgoing::Outgoing,
    rooms::{
        Rooms,
        view::{View, membership_in},
    },
    storage::{Storage, numbers::Position, pushers::PusherKey},
    unread::{Reader, Unread},
};

/// What somebody is notified of.
#[derive(Clone, Debug)]
pub struct Notification {
    /// Where the event stands.
    pub position: Position,
    /// The event.
    pub event: Arc<Event>,
    /// What their rules say is to be done.
    pub actions: Vec<Action>,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The gateway took it.
    Taken,
    /// The gateway says that the push key is not, or no longer, valid.
    Rejected,
}

/// The way to all gateways.
#[derive(Clone, Debug)]
pub struct Gateway {
    outgoing: Outgoing,
    storage: Storage,
    rooms: Rooms,
    unread: Unread,
    /// The number of unread notifications that each pusher was told last.
    told: Arc<Mutex<HashMap<PusherKey, u64>>>,
}

impl Gateway {
    /// Sends through `outgoing`.
    pub fn new(outgoing: Outgoing, storage: Storage, rooms: Rooms, unread: Unread) -> Self {
        Self { outgoing, storage, rooms, unread, told: Arc::default() }
    }

    /// Tells a pusher of a notification; or of nothing but the number of unread ones, unless that is
    /// what it was told last. Of what is read already, it is not told.
    pub async fn tell(&self, target: &Target, notification: Option<&Notification>) -> anyhow::Result<Outcome> {
        #[derive(Default, Deserialize)]
        struct Body {
            #[serde(default)]
            rejected: Vec<String>,
        }
        let user_id = self.storage.user_id(target.key.user).await?;
        let reader = Reader { nid: target.key.user, id: &user_id };
        let unread = self.unread.total(reader).await?;
        let is_needless = match notification {
            Some(notification) => self.is_read(reader, notification).await?,
            None => self.told().get(&target.key) == Some(&unread),
        };
        if is_needless {
            return Ok(Outcome::Taken);
        }
        let json = self.request(target, notification, &user_id, unread).await?;
        let answer = self.outgoing.post_json(Url::parse(&target.data.url)?, json).await?;
        if !answer.status.is_success() {
            bail!("the gateway answered {}", answer.status);
        }
        let body: Body = serde_json::from_slice(&answer.body).unwrap_or_default();
        if body.rejected.contains(&target.ids.pushkey) {
            self.told().remove(&target.key);
            return Ok(Outcome::Rejected);
        }
        self.told().insert(target.key.clone(), unread);
        Ok(Outcome::Taken)
    }

    async fn request(
        &self,
        target: &Target,
        notification: Option<&Notification>,
        user_id: &UserId,
        unread: u64,
    ) -> Result<String> {
        let about = match notification {
            Some(notification) => {
                let view = self.rooms.load(notification.event.room_nid).await?;
                let sender_name = self.sender_name(&view, &notification.event).await?;
                Some((notification, view, sender_name))
            }
            None => None,
        };
        let is_whole = target.data.format != Some(PushFormat::EventIdOnly);
        Ok(json::object(|request| {
            request.object("notification", |members| {
                if let Some((notification, view, sender_name)) = &about {
                    write_event(members, notification);
                    if is_whole {
                        let is_target = notification.event.state_key() == Some(user_id.as_str());
                        write_circumstances(members, &notification.event, view, sender_name.as_deref(), is_target);
                    }
                }
                // "Counts whose value is zero should be omitted", but here the zero may be the news.
                members.object("counts", |counts| {
                    if unread > 0 || about.is_none() {
                        counts.plain("unread", unread);
                    }
                });
                let tweaks = notification.map(|notification| tweaks(&notification.actions));
                members.raw("devices", &json!([device(target, tweaks)]).to_string());
            });
        }))
    }

    /// Whether somebody has read what they were to be notified of. Invitations are never read.
    async fn is_read(&self, reader: Reader<'_>, notification: &Notification) -> Result<bool> {
        let view = self.rooms.load(notification.event.room_nid).await?;
        Ok(view.is_joined(reader.nid) && !self.unread.is_unread(reader, &view, notification.position).await?)
    }

    fn told(&self) -> std::sync::MutexGuard<'_, HashMap<PusherKey, u64>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the sender is called in the room.
    async fn sender_name(&self, view: &View, event: &Event) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Content {
            displayname: Option<String>,
        }
        let member = self.rooms.state_event(view, "m.room.member", event.sender().as_str()).await?;
        Ok(member.and_then(|member| member.content_as::<Content>()?.displayname))
    }
}

fn write_event(members: &mut Object<'_>, notification: &Notification) {
    let event = &notification.event;
    members.text("event_id", event.id().as_str());
    // What it was called before the specification; some gateways still want it.
    members.text("id", event.id().as_str());
    members.text("room_id", event.room_id().as_str());
    // What makes itself heard or stands out is urgent; of encrypted events nobody here can tell.
    let is_loud = notification.actions.iter().any(|action| action.is_highlight() || action.sound().is_some());
    let is_encrypted = event.kind().to_string() == "m.room.encrypted";
    members.text("prio", if is_loud || is_encrypted { "high" } else { "low" });
}

fn write_circumstances(
    members: &mut Object<'_>,
    event: &Arc<Event>,
    view: &View,
    sender_name: Option<&str>,
    is_target: bool,
) {
    members.text("type", &event.kind().to_string());
    members.text("sender", event.sender().as_str());
    members.raw("content", event.content().get());
    let room_name = view.name().or(view.canonical_alias());
    let names =
        [("sender_display_name", sender_name), ("room_name", room_name), ("room_alias", view.canonical_alias())];
    for (member, name) in names {
        if let Some(name) = name {
            members.text(member, name);
        }
    }
    if event.kind().to_string() == "m.room.member" {
        members.plain("user_is_target", is_target);
        // What it was told by before `content` was told.
        members.text("membership", membership_in(event).as_str());
    }
}

fn device(target: &Target, tweaks: Option<JsonObject>) -> Value {
    // "… the entire content including `format` and any custom keys but excluding `url`".
    let mut data = target.data.data.clone();
    if let Some(format) = &target.data.format {
        data.insert("format".to_owned(), format.as_str().into());
    }
    let mut device = json!({
        "app_id": target.ids.app_id,
        "pushkey": target.ids.pushkey,
        "pushkey_ts": target.updated_at / 1000,
        "data": data,
    });
    if let Some(tweaks) = tweaks {
        device["tweaks"] = tweaks.into();
    }
    device
}

fn tweaks(actions: &[Action]) -> JsonObject {
    let tweak = |action: &Action| match action {
        Action::SetTweak(tweak) => Some((tweak.set_tweak().to_owned(), value(tweak))),
        _ => None,
    };
    actions.iter().filter_map(tweak).collect()
}

fn value(tweak: &Tweak) -> Value {
    // "If a `highlight` tweak is given with no value, its value is defined to be `true`": other
    // tweaks without value are taken in the same way.
    let value = tweak.value().and_then(|value| serde_json::from_str(value.get()).ok());
    value.unwrap_or(Value::Bool(true))
}
