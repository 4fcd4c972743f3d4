//! Keys for end-to-end encryption. Client-server API, "Key management API" and "Cross-signing".

use ruma::api::client::keys::{
    claim_keys, get_key_changes, get_keys, upload_keys, upload_signatures, upload_signing_keys,
};

use crate::{
    App, Result,
    accounts::interactive_auth::Operation,
    http::endpoint::Ruma,
    keys::{CrossSigningKeys, device_lists::Changes},
    reading::token::Token,
};

/// `POST /_matrix/client/v3/keys/upload`
pub(super) async fn upload(app: App, req: Ruma<upload_keys::v3::Request>) -> Result<upload_keys::v3::Response> {
    let upload_keys::v3::Request { device_keys, one_time_keys, fallback_keys, .. } = req.body;
    let counts = app.keys.upload(&req.caller, device_keys, one_time_keys, fallback_keys).await?;
    Ok(upload_keys::v3::Response::new(counts))
}

/// `POST /_matrix/client/v3/keys/query`
pub(super) async fn query(app: App, req: Ruma<get_keys::v3::Request>) -> Result<get_keys::v3::Response> {
    app.keys.query(req.caller.nid, req.body.device_keys).await
}

/// `POST /_matrix/client/v3/keys/claim`
pub(super) async fn claim(app: App, req: Ruma<claim_keys::v3::Request>) -> Result<claim_keys::v3::Response> {
    app.keys.claim(req.body.one_time_keys).await
}

/// `GET /_matrix/client/v3/keys/changes`
pub(super) async fn changes(
    app: App,
    req: Ruma<get_key_changes::v3::Request>,
) -> Result<get_key_changes::v3::Response> {
    let from = Token::parse(&req.body.from)?;
    // What happened after `to` has to be known as well, so only its form matters.
    Token::parse(&req.body.to)?;
    let Changes { changed, left } = app.keys.changes(req.caller.nid, from.position).await?;
    Ok(get_key_changes::v3::Response::new(changed, left))
}

/// `POST /_matrix/client/v3/keys/device_signing/upload`
pub(super) async fn upload_cross_signing_keys(
    app: App,
    req: Ruma<upload_signing_keys::v3::Request>,
) -> Result<upload_signing_keys::v3::Response> {
    let upload_signing_keys::v3::Request { auth, master_key, self_signing_key, user_signing_key, .. } = req.body;
    let keys = CrossSigningKeys { master: master_key, self_signing: self_signing_key, user_signing: user_signing_key };
    let operation = Operation::UploadCrossSigningKeys(&req.raw);
    let interactive_auth = &app.accounts.interactive_auth;
    app.keys
        .upload_cross_signing_keys(&req.caller, keys, async || {
            interactive_auth.require(&req.caller, auth.as_ref(), operation).await
        })
        .await?;
    Ok(upload_signing_keys::v3::Response::new())
}

/// `POST /_matrix/client/v3/keys/signatures/upload`
pub(super) async fn upload_signatures(
    app: App,
    req: Ruma<upload_signatures::v3::Request>,
) -> Result<upload_signatures::v3::Response> {
    let mut response = upload_signatures::v3::Response::new();
    response.failures = app.keys.upload_signatures(&req.caller, &req.body.signed_keys).await?;
    Ok(response)
}
