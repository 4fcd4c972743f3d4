//! The published list of rooms. Client-server API, "Published room directory".

use std::fmt;

use ruma::{
    OwnedServerName, RoomId,
    api::client::{directory::get_public_rooms_filtered, room::Visibility},
    directory::RoomNetwork,
};

use super::Directory;
use crate::{
    Error, Result,
    accounts::{User, appservices::AppService},
    json,
    rooms::view::View,
    storage::{
        directory::lists::{self, ListFilter, ListPlace, ListRange, ListedRoom, Network, PageRow, WhichList},
        numbers::RoomNid,
    },
};

/// Rooms on a page, if the reader does not say, and at most.
const LIMIT: (usize, usize) = (100, 500);

/// Most bytes of the ID of a network.
const LONGEST_NETWORK: usize = 255;

/// One page of the list.
#[derive(Debug)]
pub struct Page {
    rows: Vec<PageRow>,
    previous: Option<Token>,
    next: Option<Token>,
    count: i64,
}

/// Where to read on, and in which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Token(ListRange);

impl Token {
    fn parse(token: &str) -> Result<Self> {
        let place = |place: &str| {
            let (joined, room) = place.split_once('_')?;
            Some(ListPlace { joined: joined.parse().ok()?, room: RoomNid(room.parse().ok()?) })
        };
        let range = match token.split_at_checked(1) {
            Some(("n", after)) => place(after).map(ListRange::After),
            Some(("p", before)) => place(before).map(ListRange::Before),
            _ => None,
        };
        range.map(Self).ok_or_else(|| Error::invalid_param("This is not a token of this list."))
    }

    fn before(row: &PageRow) -> Self {
        Self(ListRange::Before(place_of(row)))
    }

    fn after(row: &PageRow) -> Self {
        Self(ListRange::After(place_of(row)))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (direction, place) = match self.0 {
            ListRange::After(place) => ('n', place),
            ListRange::Before(place) => ('p', place),
            ListRange::First => ('n', ListPlace { joined: i64::MAX, room: RoomNid(i64::MAX) }),
        };
        write!(f, "{direction}{}_{}", place.joined, place.room.0)
    }
}

/// The list that a reader asks for. Networks are known by what [`crate::remote::appservices`] calls their
/// instances.
fn which_list(network: &RoomNetwork) -> Result<WhichList> {
    Ok(match network {
        RoomNetwork::Matrix => WhichList::Own,
        RoomNetwork::All => WhichList::All,
        RoomNetwork::ThirdParty(instance) => {
            let (service, network) =
                instance.split_once('|').ok_or_else(|| Error::not_found("There is no such network."))?;
            WhichList::Of(Network { service: service.to_owned(), network: network.to_owned() })
        }
        _ => return Err(Error::invalid_param("Lists of such networks are not known.")),
    })
}

fn place_of(row: &PageRow) -> ListPlace {
    ListPlace { joined: row.joined, room: RoomNid(row.room_nid) }
}

impl Page {
    /// The answer to a reader.
    pub fn json(&self) -> String {
        json::object(|answer| {
            answer.array("chunk", &self.rows, |out, row| out.push_str(&row.summary.0));
            if let Some(token) = &self.next {
                answer.text("next_batch", &token.to_string());
            }
            if let Some(token) = &self.previous {
                answer.text("prev_batch", &token.to_string());
            }
            answer.plain("total_room_count_estimate", self.count);
        })
    }
}

impl Directory {
    /// A page of this server's list, or of another's.
    pub async fn public_rooms(&self, request: get_public_rooms_filtered::v3::Request) -> Result<String> {
        self.must_be_this(request.server.as_ref())?;
        let filter = ListFilter {
            term: request.filter.generic_search_term.filter(|term| !term.trim().is_empty()),
            room_types: request.filter.room_types.iter().map(|kind| kind.as_str().map(ToOwned::to_owned)).collect(),
            only_federated: false,
            list: which_list(&request.room_network)?,
        };
        let limit = request.limit.map_or(LIMIT.0, |limit| usize::try_from(u64::from(limit)).unwrap_or(LIMIT.1));
        Ok(self.page(&filter, request.since.as_deref(), limit).await?.json())
    }

    /// A page of this server's list.
    pub async fn page(&self, filter: &ListFilter, since: Option<&str>, limit: usize) -> Result<Page> {
        let range = since.map(Token::parse).transpose()?.map_or(ListRange::First, |token| token.0);
        let limit = limit.clamp(1, LIMIT.1);
        let mut conn = self.storage.conn().await?;
        let mut rows = lists::list_page(&mut conn, filter, range, limit + 1).await?;
        let count = lists::count_listed(&mut conn, filter).await?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let is_backward = matches!(range, ListRange::Before(_));
        if is_backward {
            rows.reverse();
        }
        let (has_previous, has_next) = match range {
            ListRange::First => (false, has_more),
            ListRange::After(_) => (true, has_more),
            ListRange::Before(_) => (has_more, true),
        };
        Ok(Page {
            previous: rows.first().filter(|_| has_previous).map(Token::before),
            next: rows.last().filter(|_| has_next).map(Token::after),
            rows,
            count,
        })
    }

    fn must_be_this(&self, server: Option<&OwnedServerName>) -> Result<()> {
        match server {
            Some(server) if server != self.server_name() => {
                Err(Error::not_found(format!("The list of {server} cannot be read from here.")))
            }
            _ => Ok(()),
        }
    }

    /// Whether a room is on the list.
    pub async fn visibility(&self, room_id: &RoomId) -> Result<Visibility> {
        let view = self.known(room_id).await?;
        let is_published = lists::is_published(&mut *self.storage.conn().await?, view.nid).await?;
        Ok(if is_published { Visibility::Public } else { Visibility::Private })
    }

    /// Puts a room on the list or takes it off. Whoever may name the room may do that.
    pub async fn set_visibility(&self, user: &User, room_id: &RoomId, visibility: &Visibility) -> Result<()> {
        let view = self.known(room_id).await?;
        if !self.may_name(user, &view) && !user.is_admin {
            return Err(Error::forbidden("You may not say whether this room is published."));
        }
        match visibility {
            Visibility::Public => self.publish(&view).await,
            Visibility::Private => self.unpublish(view.nid).await,
            _ => Err(Error::invalid_param("A room is either public or private.")),
        }
    }

    pub(super) async fn known(&self, room_id: &RoomId) -> Result<std::sync::Arc<View>> {
        self.rooms.find(room_id).await?.ok_or_else(|| Error::not_found("This server does not know that room."))
    }

    /// Puts a room on the list of a network of `service`, or takes it off. It is to be one in which the
    /// service has a user: it could publish what is none of its business otherwise. Application service
    /// API, "Published room directories".
    pub async fn set_network_visibility(
        &self,
        service: &AppService,
        network: String,
        room_id: &RoomId,
        visibility: &Visibility,
    ) -> Result<()> {
        if network.is_empty() || network.len() > LONGEST_NETWORK {
            return Err(Error::invalid_param(format!("The ID of a network has 1 to {LONGEST_NETWORK} bytes.")));
        }
        let (view, of) = (self.known(room_id).await?, Network { service: service.id.clone(), network });
        let is_public = match visibility {
            Visibility::Public => true,
            Visibility::Private => false,
            _ => return Err(Error::invalid_param("A room is either public or private.")),
        };
        if !is_public {
            return lists::delete_network(&mut *self.storage.conn().await?, view.nid, &of).await;
        }
        if !self.has_user_of(service, &view).await? {
            return Err(Error::forbidden("The application service has nobody in that room."));
        }
        let listed = self.listed(&view).await?;
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                lists::publish(&mut tx, &listed, false).await?;
                lists::insert_network(&mut tx, view.nid, &of).await?;
                Ok(tx.commit().await?)
            })
            .await
    }

    async fn has_user_of(&self, service: &AppService, view: &View) -> Result<bool> {
        for user in &view.local {
            if service.is_interested_in_user(&self.storage.user_id(*user).await?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Puts a room on the list.
    pub async fn publish(&self, view: &View) -> Result<()> {
        let listed = self.listed(view).await?;
        lists::publish(&mut *self.storage.conn().await?, &listed, true).await
    }

    /// Takes a room off the list.
    pub async fn unpublish(&self, room: RoomNid) -> Result<()> {
        lists::unpublish(&mut *self.storage.conn().await?, room).await
    }

    /// What the list tells of a room.
    pub(super) async fn listed(&self, view: &View) -> Result<ListedRoom> {
        let summary = self.summarise(view).await?;
        let joined = if view.local.is_empty() { 0 } else { summary.num_joined_members };
        let alias = summary.canonical_alias.as_ref().map(|alias| alias.as_str());
        let texts = [summary.name.as_deref(), summary.topic.as_deref(), alias];
        Ok(ListedRoom {
            room: view.nid,
            snapshot: view.snapshot.nid,
            joined: i64::try_from(joined).unwrap_or(i64::MAX),
            is_federated: view.is_federated(),
            room_type: summary.room_type.clone().filter(|kind| kind.len() <= 255),
            search_text: texts.into_iter().flatten().collect::<Vec<_>>().join("\n"),
            summary: json::object(|object| summary.write_listed(object)),
        })
    }
}

#[cfg(test)]
mod tests;
