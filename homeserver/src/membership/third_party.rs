//! Turns a proof that somebody was invited by e-mail or telephone into an invitation.
//! Client-server API, "Third-party invites".

use ruma::{OwnedUserId, RoomId, api::client::membership::ThirdPartySigned};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Memberships;
use crate::{Error, Result, accounts::User, rooms::draft::Wish};

/// An `m.room.third_party_invite` event's content, as far as it matters here.
#[derive(Deserialize)]
struct Pending {
    #[serde(default)]
    display_name: String,
    key_validity_url: Option<Value>,
    #[serde(default)]
    public_keys: Vec<PublicKey>,
}

#[derive(Deserialize)]
struct PublicKey {
    key_validity_url: Option<Value>,
}

impl Pending {
    /// Whether its keys are good for ever, so that nobody has to be asked about them.
    fn needs_no_asking(&self) -> bool {
        self.key_validity_url.is_none() && self.public_keys.iter().all(|key| key.key_validity_url.is_none())
    }
}

impl Memberships {
    /// Invites `user` on behalf of whoever invited their address, if `signed` proves that it is
    /// theirs. The signature is checked by the authorisation rules.
    pub(super) async fn redeem(&self, user: &User, room_id: &RoomId, signed: ThirdPartySigned) -> Result<()> {
        let unknown = || Error::forbidden("No pending invitation belongs to this proof.");
        let view = self.known(room_id).await?;
        let event = self.rooms.state_event(&view, "m.room.third_party_invite", &signed.token).await?;
        let event = event.filter(|event| event.sender() == signed.sender).ok_or_else(unknown)?;
        let pending: Pending = event.content_as().ok_or_else(unknown)?;
        if signed.mxid != user.id || signed.sender.server_name() != self.rooms.server_name() {
            return Err(unknown());
        }
        if !pending.needs_no_asking() {
            return Err(Error::forbidden("This server cannot find out whether that invitation is still valid."));
        }
        let content = json!({
            "membership": "invite",
            "third_party_invite": {
                "display_name": pending.display_name,
                "signed": { "mxid": signed.mxid, "token": signed.token, "signatures": signed.signatures },
            },
        });
        let wish = Wish::state_of("m.room.member", user.id.as_str(), &content)?;
        let sender: &OwnedUserId = &signed.sender;
        self.rooms.say(sender, view.nid, wish, None).await.map(drop)
    }
}
