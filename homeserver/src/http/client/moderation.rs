//! Lets server administrators look at accounts, lock and suspend them.

use ruma::api::client::admin::{
    get_user_info::{
        self,
        v3::{ConnectionInfo, DeviceInfo, SessionInfo},
    },
    is_user_locked, is_user_suspended, lock_user, suspend_user,
};

use crate::{App, Result, accounts::administration::Restriction, http::endpoint::Ruma};

/// `GET /_matrix/client/v3/admin/whois/{userId}`
pub(super) async fn whois(app: App, req: Ruma<get_user_info::v3::Request>) -> Result<get_user_info::v3::Response> {
    let account = app.accounts.administration.find_for(&req.caller, &req.body.user_id).await?;
    let mut response = get_user_info::v3::Response::new();
    for (device, user_agent) in app.devices.list_with_clients(account.user).await? {
        let (mut connection, mut session, mut info) = (ConnectionInfo::new(), SessionInfo::new(), DeviceInfo::new());
        connection.ip = device.last_seen_ip;
        connection.last_seen = device.last_seen_ts;
        connection.user_agent = user_agent;
        session.connections.push(connection);
        info.sessions.push(session);
        response.devices.insert(device.device_id.to_string(), info);
    }
    response.user_id = Some(account.user_id);
    Ok(response)
}

/// `GET /_matrix/client/v1/admin/lock/{userId}`
pub(super) async fn is_locked(
    app: App,
    req: Ruma<is_user_locked::v1::Request>,
) -> Result<is_user_locked::v1::Response> {
    let administration = &app.accounts.administration;
    let locked = administration.is_restricted(&req.caller, &req.body.user_id, Restriction::Lock).await?;
    Ok(is_user_locked::v1::Response::new(locked))
}

/// `PUT /_matrix/client/v1/admin/lock/{userId}`
pub(super) async fn lock(app: App, req: Ruma<lock_user::v1::Request>) -> Result<lock_user::v1::Response> {
    let lock_user::v1::Request { user_id, locked, .. } = req.body;
    app.accounts.administration.restrict(&req.caller, &user_id, Restriction::Lock, locked).await?;
    Ok(lock_user::v1::Response::new(locked))
}

/// `GET /_matrix/client/v1/admin/suspend/{userId}`
pub(super) async fn is_suspended(
    app: App,
    req: Ruma<is_user_suspended::v1::Request>,
) -> Result<is_user_suspended::v1::Response> {
    let administration = &app.accounts.administration;
    let suspended = administration.is_restricted(&req.caller, &req.body.user_id, Restriction::Suspension).await?;
    Ok(is_user_suspended::v1::Response::new(suspended))
}

/// `PUT /_matrix/client/v1/admin/suspend/{userId}`
pub(super) async fn suspend(app: App, req: Ruma<suspend_user::v1::Request>) -> Result<suspend_user::v1::Response> {
    let suspend_user::v1::Request { user_id, suspended, .. } = req.body;
    app.accounts.administration.restrict(&req.caller, &user_id, Restriction::Suspension, suspended).await?;
    Ok(suspend_user::v1::Response::new(suspended))
}
