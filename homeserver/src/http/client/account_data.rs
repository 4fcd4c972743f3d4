//! Reads and changes account data and tags.

use ruma::{
    UserId,
    api::client::{
        config::{
            get_global_account_data, get_room_account_data, set_global_account_data::v3 as set_global_account_data,
            set_room_account_data::v3 as set_room_account_data,
        },
        tag::{create_tag, delete_tag, get_tags},
    },
};
use serde_json::json;

use crate::{
    App, Error, Result,
    accounts::{User, push_rules},
    http::endpoint::Ruma,
};

/// `PUT /_matrix/client/v3/user/{userId}/account_data/{type}`
pub(super) async fn set_global(
    app: App,
    req: Ruma<set_global_account_data::Request>,
) -> Result<set_global_account_data::Response> {
    let user = own(&req.caller, &req.body.user_id)?;
    let kind = req.body.event_type.to_string();
    app.accounts.account_data.set_by_client(user.nid, None, &kind, req.body.data.into_json()).await?;
    Ok(set_global_account_data::Response::new())
}

/// `GET /_matrix/client/v3/user/{userId}/account_data/{type}`
pub(super) async fn global(app: App, req: Ruma<get_global_account_data::v3::Request>) -> Result<String> {
    let user = own(&req.caller, &req.body.user_id)?;
    let kind = req.body.event_type.to_string();
    if kind == push_rules::TYPE {
        return Ok(app.accounts.push_rules.content(user).await?.to_string());
    }
    let found = app.accounts.account_data.find(user.nid, None, &kind).await?;
    Ok(found.ok_or_else(not_found)?.get().to_owned())
}

/// `DELETE /_matrix/client/unstable/org.matrix.msc3391/user/{userId}/account_data/{type}`
pub(super) async fn delete_global(
    app: App,
    req: Ruma<delete_global::Request>,
) -> Result<set_global_account_data::Response> {
    let user = own(&req.caller, &req.body.user_id)?;
    app.accounts.account_data.delete(user.nid, None, &req.body.event_type).await?;
    Ok(set_global_account_data::Response::new())
}

/// `PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}`
pub(super) async fn set_of_room(
    app: App,
    req: Ruma<set_room_account_data::Request>,
) -> Result<set_room_account_data::Response> {
    let user = own(&req.caller, &req.body.user_id)?;
    let account_data = &app.accounts.account_data;
    let room = account_data.room(&req.body.room_id).await?;
    let kind = req.body.event_type.to_string();
    account_data.set_by_client(user.nid, Some(room), &kind, req.body.data.into_json()).await?;
    Ok(set_room_account_data::Response::new())
}

/// `GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}`
pub(super) async fn of_room(app: App, req: Ruma<get_room_account_data::v3::Request>) -> Result<String> {
    let user = own(&req.caller, &req.body.user_id)?;
    let account_data = &app.accounts.account_data;
    let room = account_data.room(&req.body.room_id).await?;
    let found = account_data.find(user.nid, Some(room), &req.body.event_type.to_string()).await?;
    Ok(found.ok_or_else(not_found)?.get().to_owned())
}

/// `DELETE /_matrix/client/unstable/org.matrix.msc3391/user/{userId}/rooms/{roomId}/account_data/{type}`
pub(super) async fn delete_of_room(
    app: App,
    req: Ruma<delete_of_room::Request>,
) -> Result<set_global_account_data::Response> {
    let user = own(&req.caller, &req.body.user_id)?;
    let account_data = &app.accounts.account_data;
    let room = account_data.room(&req.body.room_id).await?;
    account_data.delete(user.nid, Some(room), &req.body.event_type).await?;
    Ok(set_global_account_data::Response::new())
}

/// `GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags`
pub(super) async fn tags(app: App, req: Ruma<get_tags::v3::Request>) -> Result<String> {
    let user = own(&req.caller, &req.body.user_id)?;
    let account_data = &app.accounts.account_data;
    let room = account_data.room(&req.body.room_id).await?;
    Ok(json!({ "tags": account_data.tags(user.nid, room).await? }).to_string())
}

/// `PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}`
pub(super) async fn set_tag(app: App, req: Ruma<create_tag::v3::Request>) -> Result<create_tag::v3::Response> {
    let user = own(&req.caller, &req.body.user_id)?;
    let account_data = &app.accounts.account_data;
    let room = account_data.room(&req.body.room_id).await?;
    account_data.set_tag(user.nid, room, req.body.tag, &req.body.tag_info).await?;
    Ok(create_tag::v3::Response::new())
}

/// `DELETE /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}`
pub(super) async fn delete_tag(app: App, req: Ruma<delete_tag::v3::Request>) -> Result<delete_tag::v3::Response> {
    let user = own(&req.caller, &req.body.user_id)?;
    let account_data = &app.accounts.account_data;
    let room = account_data.room(&req.body.room_id).await?;
    account_data.delete_tag(user.nid, room, &req.body.tag).await?;
    Ok(delete_tag::v3::Response::new())
}

/// Nobody reads or changes what is kept for others.
pub(super) fn own<'a>(caller: &'a User, user_id: &UserId) -> Result<&'a User> {
    if caller.id != user_id {
        return Err(Error::forbidden("This belongs to another user."));
    }
    Ok(caller)
}

fn not_found() -> Error {
    Error::not_found("There are no such account data.")
}

/// Deletes global account data (MSC3391), which ruma does not have.
pub(super) mod delete_global {
    use ruma::{
        OwnedUserId,
        api::{
            IncomingRequest, auth_scheme::AccessToken, client::config::set_global_account_data,
            error::DeserializationError,
        },
        metadata,
    };
    use serde::{Deserialize, de::value::SeqDeserializer};

    metadata! {
        method: DELETE,
        rate_limited: false,
        authentication: AccessToken,
        history: {
            unstable => "/_matrix/client/unstable/org.matrix.msc3391/user/{user_id}/account_data/{event_type}",
        }
    }

    /// The request.
    #[derive(Debug)]
    pub(in crate::http::client) struct Request {
        pub(super) user_id: OwnedUserId,
        pub(super) event_type: String,
    }

    impl IncomingRequest for Request {
        type EndpointError = ruma::api::error::Error;
        type OutgoingResponse = set_global_account_data::v3::Response;

        fn try_from_http_request_inner(
            _: http::Request<&[u8]>,
            path_args: &[&str],
        ) -> Result<Self, DeserializationError> {
            let path_args = SeqDeserializer::<_, serde::de::value::Error>::new(path_args.iter().copied());
            let (user_id, event_type) = Deserialize::deserialize(path_args)?;
            Ok(Self { user_id, event_type })
        }
    }
}

/// Deletes account data of a room (MSC3391), which ruma does not have.
pub(super) mod delete_of_room {
    use ruma::{
        OwnedRoomId, OwnedUserId,
        api::{
            IncomingRequest, auth_scheme::AccessToken, client::config::set_global_account_data,
            error::DeserializationError,
        },
        metadata,
    };
    use serde::{Deserialize, de::value::SeqDeserializer};

    metadata! {
        method: DELETE,
        rate_limited: false,
        authentication: AccessToken,
        history: {
            unstable => "/_matrix/client/unstable/org.matrix.msc3391/user/{user_id}/rooms/{room_id}/account_data/{event_type}",
        }
    }

    /// The request.
    #[derive(Debug)]
    pub(in crate::http::client) struct Request {
        pub(super) user_id: OwnedUserId,
        pub(super) room_id: OwnedRoomId,
        pub(super) event_type: String,
    }

    impl IncomingRequest for Request {
        type EndpointError = ruma::api::error::Error;
        type OutgoingResponse = set_global_account_data::v3::Response;

        fn try_from_http_request_inner(
            _: http::Request<&[u8]>,
            path_args: &[&str],
        ) -> Result<Self, DeserializationError> {
            let path_args = SeqDeserializer::<_, serde::de::value::Error>::new(path_args.iter().copied());
            let (user_id, room_id, event_type) = Deserialize::deserialize(path_args)?;
            Ok(Self { user_id, room_id, event_type })
        }
    }
}
