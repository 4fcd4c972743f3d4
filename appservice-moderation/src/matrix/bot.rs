//! What the bot does in rooms, by the client-server API.

use std::collections::BTreeMap;

use ruma::{EventId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, RoomOrAliasId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Client, PowerLevels};
use crate::{Error, Result, reply::Reply};

/// The bot; clones share it.
#[derive(Clone, Debug)]
pub struct Bot {
    client: Client,
    user_id: OwnedUserId,
}

impl Bot {
    /// The bot, as the homeserver knows it by its token.
    pub async fn find(client: Client) -> Result<Self> {
        #[derive(Deserialize)]
        struct Answer {
            user_id: OwnedUserId,
        }
        let answer = client.get("/_matrix/client/v3/account/whoami", &[]).send().await?;
        let Answer { user_id } = read(answer)?;
        Ok(Self { client, user_id })
    }

    /// Fails while the homeserver is away.
    pub async fn check_homeserver(&self) -> Result<()> {
        Self::find(self.client.clone()).await.map(drop)
    }

    /// Its user ID.
    pub fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// Whether a user is of this server.
    pub fn is_local(&self, user: &UserId) -> bool {
        user.server_name() == self.user_id.server_name()
    }

    /// What it is called.
    pub async fn set_name(&self, name: &str) -> Result<()> {
        let path = "/_matrix/client/v3/profile/{}/displayname";
        self.client.put(path, &[self.user_id.as_str()]).send_json(&json!({ "displayname": name })).await?;
        Ok(())
    }

    /// The rooms that it is in.
    pub async fn joined_rooms(&self) -> Result<Vec<OwnedRoomId>> {
        #[derive(Deserialize)]
        struct Answer {
            joined_rooms: Vec<OwnedRoomId>,
        }
        let answer: Answer = read(self.client.get("/_matrix/client/v3/joined_rooms", &[]).send().await?)?;
        Ok(answer.joined_rooms)
    }

    /// Comes into a room.
    pub async fn join(&self, room: &RoomId) -> Result<()> {
        let request = self.client.post("/_matrix/client/v3/join/{}", &[room.as_str()]);
        request.send_json(&json!({})).await?;
        Ok(())
    }

    /// Comes into a room by its ID or alias; which one that is.
    pub async fn enter(&self, room: &RoomOrAliasId) -> Result<OwnedRoomId> {
        room_id(self.client.post("/_matrix/client/v3/join/{}", &[room.as_str()]).send_json(&json!({})).await?)
    }

    /// Leaves a room, or refuses to come.
    pub async fn leave(&self, room: &RoomId) -> Result<()> {
        let request = self.client.post("/_matrix/client/v3/rooms/{}/leave", &[room.as_str()]);
        request.send_json(&json!({})).await?;
        Ok(())
    }

    /// The room that has an alias.
    pub async fn resolve(&self, alias: &str) -> Result<Option<OwnedRoomId>> {
        match self.client.get("/_matrix/client/v3/directory/room/{}", &[alias]).send().await {
            Ok(answer) => room_id(answer).map(Some),
            Err(fault) if fault.is_not_found() => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Makes a room that is not listed, unless there is one with this first part of an alias; `body` says what else it
    /// is like, as the specification has it.
    pub async fn make_room(&self, alias: &str, mut body: Value) -> Result<OwnedRoomId> {
        if let Some(room) = self.resolve(&format!("#{alias}:{}", self.user_id.server_name())).await? {
            return Ok(room);
        }
        body["room_alias_name"] = alias.into();
        body["visibility"] = "private".into();
        room_id(self.client.post("/_matrix/client/v3/createRoom", &[]).send_json(&body).await?)
    }

    /// Says something. The same `transaction` says it only once.
    pub async fn say(&self, room: &RoomId, reply: &Reply, transaction: &str) -> Result<OwnedEventId> {
        self.send(room, "m.room.message", &reply.content(), transaction).await
    }

    /// Sends a message event. The same `transaction` sends it only once.
    pub async fn send(&self, room: &RoomId, kind: &str, content: &Value, transaction: &str) -> Result<OwnedEventId> {
        let path = "/_matrix/client/v3/rooms/{}/send/{}/{}";
        event_id(self.client.put(path, &[room.as_str(), kind, transaction]).send_json(content).await?)
    }

    /// Reacts to an event.
    pub async fn react(&self, room: &RoomId, event: &EventId, key: &str, transaction: &str) -> Result<()> {
        let relation = json!({ "rel_type": "m.annotation", "event_id": event, "key": key });
        self.send(room, "m.reaction", &json!({ "m.relates_to": relation }), transaction).await?;
        Ok(())
    }

    /// Takes the content of an event.
    pub async fn redact(&self, room: &RoomId, event: &str, reason: Option<&str>, transaction: &str) -> Result<()> {
        let path = "/_matrix/client/v3/rooms/{}/redact/{}/{}";
        self.client.put(path, &[room.as_str(), event, transaction]).send_json(&with_reason(json!({}), reason)).await?;
        Ok(())
    }

    /// Invites, kicks, bans or unbans somebody: `act` is the name of the endpoint.
    pub async fn act_on(&self, room: &RoomId, act: &str, user: &UserId, reason: Option<&str>) -> Result<()> {
        let body = with_reason(json!({ "user_id": user }), reason);
        let path = "/_matrix/client/v3/rooms/{}/{}";
        self.client.post(path, &[room.as_str(), act]).send_json(&body).await?;
        Ok(())
    }

    /// The content of a piece of state.
    pub async fn state(&self, room: &RoomId, kind: &str, key: &str) -> Result<Option<Value>> {
        let path = "/_matrix/client/v3/rooms/{}/state/{}/{}";
        match self.client.get(path, &[room.as_str(), kind, key]).send().await {
            Ok(content) => Ok(Some(content)),
            Err(fault) if fault.is_not_found() => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Whether only those can read what is said in a room who have the keys.
    pub async fn is_encrypted(&self, room: &RoomId) -> Result<bool> {
        Ok(self.state(room, "m.room.encryption", "").await?.is_some())
    }

    /// Invites somebody into a room who is not there, unless they were put out.
    pub async fn invite_if_away(&self, room: &RoomId, user: &UserId) -> Result<()> {
        let member = self.member(room, user).await?;
        if member.is_none_or(|member| member["membership"] == "leave") {
            self.act_on(room, "invite", user, None).await?;
        }
        Ok(())
    }

    /// All of a room's state, as events.
    pub async fn all_state(&self, room: &RoomId) -> Result<Vec<Value>> {
        let answer = self.client.get("/_matrix/client/v3/rooms/{}/state", &[room.as_str()]).send().await?;
        read(answer)
    }

    /// Writes a piece of state.
    pub async fn set_state(&self, room: &RoomId, kind: &str, key: &str, content: &Value) -> Result<()> {
        let path = "/_matrix/client/v3/rooms/{}/state/{}/{}";
        self.client.put(path, &[room.as_str(), kind, key]).send_json(content).await?;
        Ok(())
    }

    /// The event by which somebody has their membership: its sender and content.
    pub async fn member(&self, room: &RoomId, user: &UserId) -> Result<Option<Value>> {
        self.state(room, "m.room.member", user.as_str()).await
    }

    /// The event by which somebody has their membership, as a whole.
    pub async fn member_event(&self, room: &RoomId, user: &UserId) -> Result<Option<Value>> {
        let path = "/_matrix/client/v3/rooms/{}/state/m.room.member/{}";
        match self.client.get(path, &[room.as_str(), user.as_str()]).query("format", "event").send().await {
            Ok(event) => Ok(Some(event)),
            Err(fault) if fault.is_not_found() => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Who is in a room.
    pub async fn joined_members(&self, room: &RoomId) -> Result<Vec<OwnedUserId>> {
        #[derive(Deserialize)]
        struct Answer {
            joined: BTreeMap<OwnedUserId, Value>,
        }
        let answer = self.client.get("/_matrix/client/v3/rooms/{}/joined_members", &[room.as_str()]).send().await?;
        Ok(read::<Answer>(answer)?.joined.into_keys().collect())
    }

    /// Who may do what in a room.
    pub async fn power_levels(&self, room: &RoomId) -> Result<PowerLevels> {
        let content = self.state(room, "m.room.power_levels", "").await?.unwrap_or_else(|| json!({}));
        let creators = self.creators(room).await?;
        Ok(PowerLevels::new(content, creators))
    }

    /// Who has all power because they made the room, in room versions from 12 on.
    async fn creators(&self, room: &RoomId) -> Result<Vec<String>> {
        // Only rooms of those versions have IDs without a server.
        if room.server_name().is_some() {
            return Ok(Vec::new());
        }
        let state = self.all_state(room).await?;
        let Some(create) = state.iter().find(|event| event["type"] == "m.room.create") else { return Ok(Vec::new()) };
        let more = create["content"]["additional_creators"].as_array().into_iter().flatten();
        Ok(more.chain([&create["sender"]]).filter_map(Value::as_str).map(ToOwned::to_owned).collect())
    }

    /// A page of a room's messages, from the newest back: the events, and where to go on.
    pub async fn messages(&self, room: &RoomId, from: Option<&str>) -> Result<(Vec<Value>, Option<String>)> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            chunk: Vec<Value>,
            end: Option<String>,
        }
        let mut request = self.client.get("/_matrix/client/v3/rooms/{}/messages", &[room.as_str()]);
        request = request.query("dir", "b").query("limit", "100");
        if let Some(from) = from {
            request = request.query("from", from);
        }
        let answer: Answer = read(request.send().await?)?;
        Ok((answer.chunk, answer.end))
    }
}

fn with_reason(mut body: Value, reason: Option<&str>) -> Value {
    if let Some(reason) = reason {
        body["reason"] = reason.into();
    }
    body
}

fn room_id(answer: Value) -> Result<OwnedRoomId> {
    #[derive(Deserialize)]
    struct Answer {
        room_id: OwnedRoomId,
    }
    Ok(read::<Answer>(answer)?.room_id)
}

fn event_id(answer: Value) -> Result<OwnedEventId> {
    #[derive(Deserialize)]
    struct Answer {
        event_id: OwnedEventId,
    }
    Ok(read::<Answer>(answer)?.event_id)
}

/// An answer, as it has to look.
pub(super) fn read<T: serde::de::DeserializeOwned>(answer: Value) -> Result<T> {
    serde_json::from_value(answer)
        .map_err(|fault| Error::internal(format!("The homeserver answers something else than is expected: {fault}.")))
}
