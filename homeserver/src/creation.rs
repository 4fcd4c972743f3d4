//! Makes rooms, new ones and those that replace others: their names, their place on the published
//! list, who is invited.

mod upgrade;

use ruma::{
    OwnedRoomAliasId, OwnedRoomId, OwnedUserId,
    api::client::room::{
        Visibility,
        create_room::v3::{Request, RoomPreset},
    },
    room::RoomType,
    serde::Raw,
};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    Error, Result,
    access::feature::Feature,
    accounts::User,
    admission::Admission,
    directory::Directory,
    error::ErrorKind,
    membership::Memberships,
    rooms::{
        Rooms,
        create::{NewRoom, Preset, rules_of},
        draft::Wish,
    },
    storage::numbers::RoomNid,
};

/// Makes rooms.
#[derive(Clone, Debug)]
pub struct Creations {
    rooms: Rooms,
    admission: Admission,
    directory: Directory,
    memberships: Memberships,
}

impl Creations {
    /// Makes rooms among `rooms`.
    pub fn new(rooms: Rooms, admission: Admission, directory: Directory, memberships: Memberships) -> Self {
        Self { rooms, admission, directory, memberships }
    }

    /// Creates a room. Client-server API, "Creation".
    pub async fn create(&self, creator: &User, mut request: Request) -> Result<OwnedRoomId> {
        self.must_be_allowed(creator, &request).await?;
        if creator.is_shadow_banned {
            request.invite.clear();
        }
        self.make(creator, request).await
    }

    /// The same by the will of an administrator, whatever the access rules let `creator` do.
    pub async fn make(&self, creator: &User, request: Request) -> Result<OwnedRoomId> {
        let room = self.rooms.next_room().await?;
        let alias = match &request.room_alias_name {
            Some(localpart) => Some(self.directory.reserve(creator, localpart, room).await?),
            None => None,
        };
        let created = self.create_named(creator, room, request, alias.clone()).await;
        if let Some(alias) = alias.filter(|_| created.is_err()) {
            self.directory.release(&alias, room).await?;
        }
        created
    }

    /// Refuses what the access rules do not let `creator` create.
    async fn must_be_allowed(&self, creator: &User, request: &Request) -> Result<()> {
        let is_space = request
            .creation_content
            .as_ref()
            .is_some_and(|content| matches!(content.get_field::<RoomType>("type"), Ok(Some(RoomType::Space))));
        let feature = match () {
            () if is_space => Feature::CreateSpace,
            () if request.is_direct => Feature::CreateDirectChat,
            () => Feature::CreateRoom,
        };
        self.admission.feature(creator, feature).await?;
        if request.visibility == Visibility::Public || request.room_alias_name.is_some() {
            self.admission.feature(creator, Feature::Publish).await?;
        }
        // A direct chat cannot begin without an invitation.
        if !request.is_direct && !request.invite.is_empty() {
            self.admission.feature(creator, Feature::Invite).await?;
        }
        Ok(())
    }

    async fn create_named(
        &self,
        creator: &User,
        room: RoomNid,
        request: Request,
        alias: Option<OwnedRoomAliasId>,
    ) -> Result<OwnedRoomId> {
        let is_public = request.visibility == Visibility::Public;
        let is_direct = request.is_direct;
        let wanted = self.wanted(creator, request, alias).await?;
        let (local, remote) = self.invitees(creator, &wanted.invite);
        for user in &remote {
            self.admission.stranger(user, None).await?;
        }
        let mut invitations = Vec::with_capacity(local.len());
        for user in local {
            let content = self.memberships.invitation(&user, is_direct).await?;
            invitations.push(Wish::state_of("m.room.member", user.as_str(), &content)?);
        }
        let room_id = self.rooms.create(creator, room, NewRoom { invitations, ..wanted }).await?;
        let view = self.rooms.load(room).await?;
        if is_public {
            self.directory.publish(&view).await?;
        }
        self.memberships.take_along(creator, &view).await?;
        for user in remote {
            match self.memberships.invite(creator, &user, &room_id, is_direct, None).await {
                // The room exists by now. Whoever could not be invited can be seen in it.
                Ok(_) | Err(Error::Refused { .. } | Error::Denied(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(room_id)
    }

    /// Who is to be invited, each once: those of this server and those of others.
    fn invitees(&self, creator: &User, invite: &[OwnedUserId]) -> (Vec<OwnedUserId>, Vec<OwnedUserId>) {
        let mut invitees: Vec<OwnedUserId> = Vec::with_capacity(invite.len());
        for user in invite {
            if *user != creator.id && !invitees.contains(user) {
                invitees.push(user.clone());
            }
        }
        invitees.into_iter().partition(|user| user.server_name() == self.rooms.server_name())
    }

    /// What the request asks for, checked as far as that is possible without the room.
    async fn wanted(&self, creator: &User, request: Request, alias: Option<OwnedRoomAliasId>) -> Result<NewRoom> {
        let version = request.room_version.unwrap_or_else(|| self.rooms.default_version().clone());
        rules_of(&version)?;
        if !request.invite_3pid.is_empty() {
            return Err(Error::refused(
                ErrorKind::ThreepidDenied,
                "This server invites users by their Matrix ID only.",
            ));
        }
        let initial_state: Vec<Wish> =
            request.initial_state.iter().map(|event| initial_event(event.json())).collect::<Result<_>>()?;
        for wish in &initial_state {
            if wish.kind.to_string() == "m.room.canonical_alias" && wish.state_key.as_deref() == Some("") {
                self.directory.check_initial_alias(&wish.content, alias.as_deref())?;
            }
        }
        Ok(NewRoom {
            version,
            id: None,
            creation_content: object(request.creation_content, "creation_content")?,
            profile: self.memberships.shown_profile(&creator.id).await?,
            initial_state,
            invite: request.invite,
            invitations: Vec::new(),
            name: request.name,
            topic: request.topic,
            preset: preset(request.preset, &request.visibility)?,
            power_levels: object(request.power_level_content_override, "power_level_content_override")?,
            alias,
        })
    }
}

fn preset(preset: Option<RoomPreset>, visibility: &Visibility) -> Result<Preset> {
    let by_visibility = match visibility {
        Visibility::Public => Preset::Public,
        Visibility::Private => Preset::Private,
        _ => return Err(Error::bad_json("A room is either public or private.")),
    };
    match preset {
        None => Ok(by_visibility),
        Some(RoomPreset::PrivateChat) => Ok(Preset::Private),
        Some(RoomPreset::TrustedPrivateChat) => Ok(Preset::TrustedPrivate),
        Some(RoomPreset::PublicChat) => Ok(Preset::Public),
        Some(other) => Err(Error::bad_json(format!("There is no preset {other}."))),
    }
}

fn object<T>(raw: Option<Raw<T>>, name: &str) -> Result<Map<String, Value>> {
    let Some(raw) = raw else { return Ok(Map::new()) };
    serde_json::from_str(raw.json().get()).map_err(|_| Error::bad_json(format!("{name} is an object.")))
}

fn initial_event(json: &RawValue) -> Result<Wish> {
    #[derive(serde::Deserialize)]
    struct Event {
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        state_key: String,
        content: Box<RawValue>,
    }
    let event: Event = serde_json::from_str(json.get())
        .map_err(|fault| Error::bad_json(format!("An event of initial_state is malformed: {fault}.")))?;
    Ok(Wish::state(event.kind, event.state_key, event.content))
}
