//! What only application services do. Application service API, "Client-Server API Extensions".

use ruma::api::client::appservice::{request_ping, set_room_visibility};

use crate::{App, Error, Result, http::endpoint::Ruma};

/// `POST /_matrix/client/v1/appservice/{appserviceId}/ping`
pub(super) async fn ping(app: App, req: Ruma<request_ping::v1::Request>) -> Result<request_ping::v1::Response> {
    if req.body.appservice_id != req.caller.id {
        return Err(Error::forbidden("This is not the ID of the application service whose token this is."));
    }
    let transaction_id = req.body.transaction_id.as_ref().map(|id| id.as_str());
    let duration = app.appservices.ping(&req.caller, transaction_id).await?;
    Ok(request_ping::v1::Response::new(duration))
}

/// `PUT /_matrix/client/v3/directory/list/appservice/{networkId}/{roomId}`
pub(super) async fn set_room_visibility(
    app: App,
    req: Ruma<set_room_visibility::v3::Request>,
) -> Result<set_room_visibility::v3::Response> {
    let set_room_visibility::v3::Request { network_id, room_id, visibility, .. } = req.body;
    app.directory.set_network_visibility(&req.caller, network_id, &room_id, &visibility).await?;
    Ok(set_room_visibility::v3::Response::new())
}
