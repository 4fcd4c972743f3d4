//! Requests as clients really send them: for messages without a direction now and then, and with filters that the
//! specification does not have; for sending without a transaction ID.

use http::{Method, Uri};
use ruma::{
    OwnedRoomId,
    api::{
        IncomingRequest, Metadata,
        auth_scheme::AccessToken,
        client::message::{get_message_events::v3::Request, send_message_event},
        error::DeserializationError,
    },
    events::TimelineEventType,
    metadata,
};
use serde_json::value::RawValue;
use url::form_urlencoded;

use crate::reading::filter::RelationFilter;

/// `GET /_matrix/client/v3/rooms/{roomId}/messages`
#[derive(Debug)]
pub struct Messages {
    /// What the specification has.
    pub request: Request,
    /// What the filter says about relations.
    pub relations: RelationFilter,
}

impl Metadata for Messages {
    const METHOD: Method = Request::METHOD;
    const RATE_LIMITED: bool = Request::RATE_LIMITED;
    type Authentication = <Request as Metadata>::Authentication;
    type PathBuilder = <Request as Metadata>::PathBuilder;
    const PATH_BUILDER: Self::PathBuilder = Request::PATH_BUILDER;
}

impl IncomingRequest for Messages {
    type EndpointError = <Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = <Request as IncomingRequest>::OutgoingResponse;

    fn try_from_http_request_inner(
        mut request: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        let query = request.uri().query().unwrap_or_default();
        let find = |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        let relations = match find("filter") {
            Some((_, filter)) => serde_json::from_str(&filter)?,
            None => RelationFilter::default(),
        };
        if find("dir").is_none() {
            *request.uri_mut() = going_back(request.uri());
        }
        Ok(Self { request: Request::try_from_http_request_inner(request, path_args)?, relations })
    }
}

/// `POST /_matrix/client/v3/rooms/{roomId}/send/{eventType}`
#[derive(Debug)]
pub struct SendOnce {
    /// Where to.
    pub room_id: OwnedRoomId,
    /// What kind of event.
    pub event_type: TimelineEventType,
    /// Its content.
    pub content: Box<RawValue>,
}

metadata! {
    @for SendOnce,
    method: POST,
    rate_limited: true,
    authentication: AccessToken,
    history: {
        1.0 => "/_matrix/client/r0/rooms/{room_id}/send/{event_type}",
        1.1 => "/_matrix/client/v3/rooms/{room_id}/send/{event_type}",
    }
}

impl IncomingRequest for SendOnce {
    type EndpointError = <send_message_event::v3::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = send_message_event::v3::Response;

    fn try_from_http_request_inner(
        request: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        let arg = |index: usize| path_args.get(index).copied().unwrap_or_default();
        Ok(Self {
            room_id: arg(0).try_into()?,
            event_type: arg(1).into(),
            content: serde_json::from_slice(request.body())?,
        })
    }
}

/// The same request for the page before `from`.
fn going_back(uri: &Uri) -> Uri {
    let query = uri.query().map(|query| format!("{query}&")).unwrap_or_default();
    let with_direction = format!("{}?{query}dir=b", uri.path());
    with_direction.parse().unwrap_or_else(|_| uri.clone())
}
