//! The endpoints that came before `/sync`. By one of them clients still watch rooms that they look into.

use std::time::Duration;

use actix_web::web::Query;
use ruma::{
    OwnedEventId, OwnedRoomId,
    api::{
        IncomingRequest, Metadata,
        auth_scheme::AccessToken,
        client::{
            peeking::{get_current_state, listen_to_new_events},
            room::get_room_event,
            sync::sync_events,
        },
        error::DeserializationError,
    },
    metadata,
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{App, Result, http::endpoint::Ruma};

/// The request for everything.
#[derive(Debug, Deserialize)]
pub struct Initial {
    limit: Option<u32>,
    #[serde(default)]
    archived: bool,
}

metadata! {
    @for Initial,
    method: GET,
    rate_limited: false,
    authentication: AccessToken,
    history: {
        1.0 => "/_matrix/client/r0/initialSync",
        1.1 => "/_matrix/client/v3/initialSync",
    }
}

impl IncomingRequest for Initial {
    type EndpointError = <sync_events::v3::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = sync_events::v3::Response;

    fn try_from_http_request_inner(request: http::Request<&[u8]>, _: &[&str]) -> Result<Self, DeserializationError> {
        query(&request)
    }
}

/// The request for everything in one room.
#[derive(Debug)]
pub struct InitialOfRoom {
    room_id: OwnedRoomId,
    limit: Option<u32>,
}

impl Metadata for InitialOfRoom {
    const METHOD: http::Method = get_current_state::v3::Request::METHOD;
    const RATE_LIMITED: bool = get_current_state::v3::Request::RATE_LIMITED;
    type Authentication = <get_current_state::v3::Request as Metadata>::Authentication;
    type PathBuilder = <get_current_state::v3::Request as Metadata>::PathBuilder;
    const PATH_BUILDER: Self::PathBuilder = get_current_state::v3::Request::PATH_BUILDER;
}

impl IncomingRequest for InitialOfRoom {
    type EndpointError = <get_current_state::v3::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = get_current_state::v3::Response;

    fn try_from_http_request_inner(request: http::Request<&[u8]>, args: &[&str]) -> Result<Self, DeserializationError> {
        let Initial { limit, .. } = query(&request)?;
        Ok(Self { room_id: args.first().copied().unwrap_or_default().try_into()?, limit })
    }
}

/// The request for what is new, in one room or in all that the user is in.
#[derive(Debug, Deserialize)]
pub struct Events {
    room_id: Option<OwnedRoomId>,
    from: Option<String>,
    timeout: Option<u64>,
    // It was never in the specification, but is no number only by mistake.
    #[serde(rename = "limit")]
    _limit: Option<u32>,
}

impl Metadata for Events {
    const METHOD: http::Method = listen_to_new_events::v3::Request::METHOD;
    const RATE_LIMITED: bool = listen_to_new_events::v3::Request::RATE_LIMITED;
    type Authentication = <listen_to_new_events::v3::Request as Metadata>::Authentication;
    type PathBuilder = <listen_to_new_events::v3::Request as Metadata>::PathBuilder;
    const PATH_BUILDER: Self::PathBuilder = listen_to_new_events::v3::Request::PATH_BUILDER;
}

impl IncomingRequest for Events {
    type EndpointError = <listen_to_new_events::v3::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = listen_to_new_events::v3::Response;

    fn try_from_http_request_inner(request: http::Request<&[u8]>, _: &[&str]) -> Result<Self, DeserializationError> {
        query(&request)
    }
}

/// The request for an event by its ID alone.
#[derive(Debug)]
pub struct EventOfAnyRoom {
    event_id: OwnedEventId,
}

metadata! {
    @for EventOfAnyRoom,
    method: GET,
    rate_limited: false,
    authentication: AccessToken,
    history: {
        1.0 => "/_matrix/client/r0/events/{event_id}",
        1.1 => "/_matrix/client/v3/events/{event_id}",
    }
}

impl IncomingRequest for EventOfAnyRoom {
    type EndpointError = <get_room_event::v3::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = get_room_event::v3::Response;

    fn try_from_http_request_inner(_: http::Request<&[u8]>, args: &[&str]) -> Result<Self, DeserializationError> {
        Ok(Self { event_id: args.first().copied().unwrap_or_default().try_into()? })
    }
}

fn query<T: DeserializeOwned>(request: &http::Request<&[u8]>) -> Result<T, DeserializationError> {
    let query = Query::from_query(request.uri().query().unwrap_or_default());
    query.map(Query::into_inner).map_err(|fault| DeserializationError::Query(serde::de::Error::custom(fault)))
}

/// `GET /_matrix/client/v3/initialSync`
pub(super) async fn initial(app: App, req: Ruma<Initial>) -> Result<String> {
    app.sync.initial(req.caller, req.body.limit, req.body.archived).await
}

/// `GET /_matrix/client/v3/rooms/{roomId}/initialSync`
pub(super) async fn initial_of_room(app: App, req: Ruma<InitialOfRoom>) -> Result<String> {
    app.sync.initial_of_room(&req.caller, &req.body.room_id, req.body.limit).await
}

/// `GET /_matrix/client/v3/events`
pub(super) async fn events(app: App, req: Ruma<Events>) -> Result<String> {
    let Events { room_id, from, timeout, .. } = req.body;
    let timeout = timeout.map(Duration::from_millis);
    match room_id {
        None => app.sync.events(req.caller, from, timeout).await,
        Some(room_id) => app.reading.watch(&req.caller, &room_id, from.as_deref(), timeout).await,
    }
}

/// `GET /_matrix/client/v3/events/{eventId}`
pub(super) async fn event(app: App, req: Ruma<EventOfAnyRoom>) -> Result<String> {
    app.reading.event_of_any_room(&req.caller, &req.body.event_id).await
}
