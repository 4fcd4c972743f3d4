//! Keeps what rooms say of their aliases true: `m.room.canonical_alias`.

use ruma::{OwnedRoomAliasId, RoomAliasId};
use serde_json::{Map, Value, value::RawValue};

use super::Directory;
use crate::{
    Error, Result,
    accounts::User,
    error::ErrorKind,
    rooms::{draft::Wish, view::View},
};

const KIND: &str = "m.room.canonical_alias";

/// The aliases that a room shows.
#[derive(Debug, Default)]
struct Shown {
    alias: Option<String>,
    alt_aliases: Vec<String>,
}

impl Shown {
    /// Reads the content of an event; aliases are not looked into.
    fn parse(content: &Map<String, Value>) -> Result<Self> {
        let malformed = || Error::invalid_param("alias is a room alias, alt_aliases a list of them.");
        let alias = match content.get("alias") {
            None | Some(Value::Null) => None,
            Some(Value::String(alias)) => Some(alias.clone()).filter(|alias| !alias.is_empty()),
            Some(_) => return Err(malformed()),
        };
        let alt_aliases = match content.get("alt_aliases") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(list)) => list
                .iter()
                .map(|alias| alias.as_str().map(ToOwned::to_owned))
                .collect::<Option<_>>()
                .ok_or_else(malformed)?,
            Some(_) => return Err(malformed()),
        };
        Ok(Self { alias, alt_aliases })
    }

    fn content(&self) -> Map<String, Value> {
        let mut content = Map::new();
        if let Some(alias) = &self.alias {
            content.insert("alias".to_owned(), alias.as_str().into());
        }
        if !self.alt_aliases.is_empty() {
            content.insert("alt_aliases".to_owned(), self.alt_aliases.clone().into());
        }
        content
    }

    /// Those that are not, and those that are among `moved`.
    fn divided(self, moved: &[String]) -> (Self, Self) {
        let (there, here) = self.alias.into_iter().partition::<Vec<_>, _>(|alias| moved.contains(alias));
        let (alt_there, alt_here) = self.alt_aliases.into_iter().partition(|alias| moved.contains(alias));
        let shown = |alias: Vec<String>, alt_aliases| Self { alias: alias.into_iter().next(), alt_aliases };
        (shown(here, alt_here), shown(there, alt_there))
    }

    fn all(&self) -> impl Iterator<Item = &String> {
        self.alias.iter().chain(&self.alt_aliases)
    }
}

impl Directory {
    /// Refuses an `m.room.canonical_alias` event that shows a new alias which does not stand for the
    /// room. Client-server API, "Room aliases".
    pub async fn check_canonical_alias(&self, view: &View, content: &RawValue) -> Result<()> {
        let content = serde_json::from_str(content.get()).map_err(|_| Error::bad_json("The content is an object."))?;
        let wanted = Shown::parse(&content)?;
        let present = self.rooms.state_event(view, KIND, "").await?.and_then(|event| event.content_as());
        let present = present.and_then(|content| Shown::parse(&content).ok()).unwrap_or_default();
        for alias in wanted.all().filter(|alias| !present.all().any(|shown| shown == *alias)) {
            let parsed = OwnedRoomAliasId::try_from(alias.as_str());
            let parsed = parsed.map_err(|_| Error::invalid_param(format!("{alias} is not a room alias.")))?;
            if self.find(&parsed).await?.as_ref() != Some(&view.id) {
                return Err(Error::refused(ErrorKind::BadAlias, format!("{alias} does not stand for this room.")));
            }
        }
        Ok(())
    }

    /// Refuses initial state that shows another alias than the one that was reserved for the room.
    pub fn check_initial_alias(&self, content: &RawValue, reserved: Option<&RoomAliasId>) -> Result<()> {
        let content = serde_json::from_str(content.get()).map_err(|_| Error::bad_json("The content is an object."))?;
        let wanted = Shown::parse(&content)?;
        match wanted.all().find(|alias| Some(alias.as_str()) != reserved.map(RoomAliasId::as_str)) {
            Some(alias) => {
                Err(Error::refused(ErrorKind::BadAlias, format!("{alias} does not stand for the new room.")))
            }
            None => Ok(()),
        }
    }

    /// Takes an alias that was deleted out of what the room shows, if `user` may do that.
    pub(super) async fn hide_alias(&self, user: &User, view: &View, alias: &RoomAliasId) -> Result<()> {
        let Some(present) = self.rooms.state_event(view, KIND, "").await? else { return Ok(()) };
        let Some(mut content) = present.content_as::<Map<String, Value>>() else { return Ok(()) };
        let is_it = |shown: &Value| shown.as_str() == Some(alias.as_str());
        let before = content.clone();
        if content.get("alias").is_some_and(is_it) {
            content.remove("alias");
        }
        if let Some(Value::Array(list)) = content.get_mut("alt_aliases") {
            list.retain(|shown| !is_it(shown));
            if list.is_empty() {
                content.remove("alt_aliases");
            }
        }
        if content == before { Ok(()) } else { self.show(user, view, &content).await }
    }

    /// Lets a room show the aliases that its predecessor showed, as far as they stand for it now.
    pub(super) async fn move_shown_aliases(&self, user: &User, from: &View, to: &View) -> Result<()> {
        let Some(present) = self.rooms.state_event(from, KIND, "").await? else { return Ok(()) };
        let Some(content) = present.content_as().and_then(|content| Shown::parse(&content).ok()) else {
            return Ok(());
        };
        let mut moved = Vec::new();
        for alias in content.all() {
            if let Ok(parsed) = <&RoomAliasId>::try_from(alias.as_str())
                && self.find(parsed).await?.as_ref() == Some(&to.id)
            {
                moved.push(alias.clone());
            }
        }
        let (here, there) = content.divided(&moved);
        if there.all().next().is_none() {
            return Ok(());
        }
        self.show(user, from, &here.content()).await?;
        self.show(user, to, &there.content()).await
    }

    /// Sets what a room shows, if `user` may do that.
    async fn show(&self, user: &User, view: &View, content: &Map<String, Value>) -> Result<()> {
        if !self.may_name(user, view) {
            return Ok(());
        }
        match self.rooms.send(user, &view.id, Wish::state_of(KIND, "", content)?, None).await {
            // What the aliases stand for is changed in any case.
            Ok(_) | Err(Error::Refused { .. }) => Ok(()),
            Err(fault) => Err(fault),
        }
    }
}
