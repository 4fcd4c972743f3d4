//! What moderators of rooms can do about networks, and how administrators close rooms.

use ruma::{OwnedRoomId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, forms};
use crate::{
    App, Error, Result, access::rule::Effect, moderation::ShutdownRequest, oversight::RoomRule, storage::errands::State,
};

/// `DELETE /_salon/access/v1/rooms/{room_id}`
pub(super) async fn close(app: App, call: Call) -> Result<Value> {
    let room = room(&call)?;
    let earlier = app.moderation.shutdowns(&room).await?;
    let earlier = earlier.into_iter().rfind(|shutdown| shutdown.state != State::Failed).map(|shutdown| shutdown.id);
    let id = match earlier {
        Some(id) => id,
        None => {
            let request = ShutdownRequest {
                new_room_user: None,
                room_name: None,
                message: None,
                blocks: true,
                purges: true,
                purges_by_force: false,
            };
            app.moderation.shut(&call.caller, &room, &request).await?
        }
    };
    Ok(json!({ "shutdown_id": id }))
}

/// `GET /_salon/access/v1/rooms/{room_id}/networks`
pub(super) async fn networks(app: App, call: Call) -> Result<Value> {
    let user_id = call.query("user_id").ok_or_else(|| Error::missing_param("`user_id` is missing."))?;
    let user_id = UserId::parse(user_id).map_err(|_| Error::invalid_param("This is not a user ID."))?;
    let networks = app.oversight.room_networks(&call.caller, &room(&call)?, &user_id).await?;
    let network = |(network, at): &(String, i64)| json!({ "network": network, "last_seen_at": at });
    Ok(json!({ "networks": networks.iter().map(network).collect::<Vec<_>>() }))
}

/// `GET /_salon/access/v1/rooms/{room_id}/rules`
pub(super) async fn rules(app: App, call: Call) -> Result<Value> {
    let rules = app.oversight.room_rules(&call.caller, &room(&call)?).await?;
    Ok(json!({ "rules": rules.iter().map(|rule| forms::rule(rule)).collect::<Vec<_>>() }))
}

/// `PUT /_salon/access/v1/rooms/{room_id}/rules/{rule_id}`
pub(super) async fn put(app: App, call: Call) -> Result<Value> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        network: String,
        effect: String,
        reason: Option<String>,
        private_reason: Option<String>,
        expires_at: Option<i64>,
    }
    let body: Body = call.body()?;
    let rule = RoomRule {
        id: call.args[1].clone(),
        network: body.network,
        effect: Effect::parse(&body.effect, None)?,
        public_reason: body.reason,
        private_reason: body.private_reason,
        expires_at: body.expires_at,
    };
    app.oversight.put_room_rule(&call.caller, &room(&call)?, rule).await?;
    Ok(json!({ "rule": forms::rule(&*app.oversight.rule(&call.args[1]).await?) }))
}

/// `DELETE /_salon/access/v1/rooms/{room_id}/rules/{rule_id}`
pub(super) async fn revoke(app: App, call: Call) -> Result<Value> {
    app.oversight.revoke_room_rule(&call.caller, &room(&call)?, &call.args[1]).await?;
    Ok(json!({}))
}

fn room(call: &Call) -> Result<OwnedRoomId> {
    OwnedRoomId::try_from(&*call.args[0]).map_err(|_| Error::invalid_param("This is not a room ID."))
}
