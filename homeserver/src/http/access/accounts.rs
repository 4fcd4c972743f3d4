//! Who administrates, and accounts that are locked or suspended.

use ruma::{OwnedUserId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Call;
use crate::{App, Error, Result, accounts::administration::Restriction};

/// `GET /_salon/access/v1/staff`
pub(super) async fn staff(app: App, _: Call) -> Result<Value> {
    Ok(json!({ "administrators": app.oversight.staff().await? }))
}

/// `GET /_salon/access/v1/accounts/{user_id}`
pub(super) async fn find(app: App, call: Call) -> Result<Value> {
    let account = app.accounts.administration.find(&user(&call)?).await?;
    Ok(json!({
        "user_id": account.user_id,
        "is_admin": account.is_admin,
        "locked": account.is_locked,
        "suspended": account.is_suspended,
        "deactivated": account.is_deactivated,
    }))
}

/// `PUT /_salon/access/v1/accounts/{user_id}`
pub(super) async fn restrict(app: App, call: Call) -> Result<Value> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        locked: Option<bool>,
        suspended: Option<bool>,
    }
    let (user, body) = (user(&call)?, call.body::<Body>()?);
    let wanted = [(Restriction::Lock, body.locked), (Restriction::Suspension, body.suspended)];
    for (restriction, is_restricted) in wanted {
        if let Some(is_restricted) = is_restricted {
            app.accounts.administration.restrict(&call.caller, &user, restriction, is_restricted).await?;
        }
    }
    find(app, call).await
}

fn user(call: &Call) -> Result<OwnedUserId> {
    UserId::parse(&call.args[0]).map_err(|_| Error::invalid_param("This is not a user ID."))
}
