//! Messages from device to device. Client-server API, "Send-to-Device messaging".

use ruma::api::client::to_device::send_event_to_device::v3::{Request, Response};

use crate::{App, Result, http::endpoint::Ruma};

/// `PUT /_matrix/client/v3/sendToDevice/{eventType}/{txnId}`
pub(super) async fn send(app: App, req: Ruma<Request>) -> Result<Response> {
    let Request { event_type, txn_id, messages, .. } = req.body;
    app.to_device.send(&req.caller, &event_type.to_string(), txn_id.as_str(), messages).await?;
    Ok(Response::new())
}
