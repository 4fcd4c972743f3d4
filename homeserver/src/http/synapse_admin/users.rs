//! Accounts: lists, one at a time, and what is set about them.

mod forms;

use http::StatusCode;
use ruma::OwnedUserId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::forms::{ListQuery, ListedUser, PutBody, UserDetail};
use super::{Call, Nothing, json};
use crate::{
    App, Error, Result,
    accounts::administration::Restriction,
    http::endpoint::{HttpAnswer, Incoming},
    storage::account_marks::Pace,
};

/// Users on a page, if nothing else is asked for.
const LIMIT: u32 = 100;

#[derive(Serialize)]
pub(super) struct Users {
    users: Vec<ListedUser>,
    /// Where to read on.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    total: i64,
}

/// `GET /_synapse/admin/v2/users` and `v3`, which differ in what is left out if nothing is said.
pub(super) async fn list(app: App, call: Call) -> Result<Users> {
    let (query, page) = (call.query::<ListQuery>()?, call.page(LIMIT, false)?);
    let is_third = call.request.uri().path().starts_with("/_synapse/admin/v3/");
    let filter = query.filter(is_third, call.all_of("not_user_type"));
    let (listed, total) = app.moderation.users(&filter, query.order()?, page).await?;
    let next = i64::from(page.from) + i64::from(page.limit);
    Ok(Users {
        users: listed.into_iter().map(ListedUser::from).collect(),
        next_token: (next < total).then(|| next.to_string()),
        total,
    })
}

/// `GET /_synapse/admin/v2/users/{user_id}`
pub(super) async fn find(app: App, call: Call) -> Result<UserDetail> {
    UserDetail::of(&app, &call.user(0)?).await
}

/// `PUT /_synapse/admin/v2/users/{user_id}`
pub(super) async fn put(app: App, incoming: Incoming) -> HttpAnswer {
    let call = Call::admit(&app, incoming).await?;
    let (user_id, body) = (call.user(0)?, call.body::<PutBody>()?);
    let is_new = app.moderation.put_user(&call.caller, &user_id, body.change()?).await?;
    let mut answer = json(&UserDetail::of(&app, &user_id).await?)?;
    if is_new {
        *answer.status_mut() = StatusCode::CREATED;
    }
    Ok(answer)
}

#[derive(Serialize)]
pub(super) struct IsAdmin {
    admin: bool,
}

/// `GET /_synapse/admin/v1/users/{user_id}/admin`
pub(super) async fn is_admin(app: App, call: Call) -> Result<IsAdmin> {
    Ok(IsAdmin { admin: app.moderation.user(&call.user(0)?).await?.is_admin })
}

/// `PUT /_synapse/admin/v1/users/{user_id}/admin`
pub(super) async fn set_admin(app: App, call: Call) -> Result<Nothing> {
    #[derive(Deserialize)]
    struct Body {
        admin: bool,
    }
    let Body { admin } = call.body()?;
    app.accounts.administration.set_admin_for(&call.caller, &call.user(0)?, admin).await?;
    Ok(Nothing {})
}

#[derive(Serialize)]
pub(super) struct Deactivated {
    id_server_unbind_result: &'static str,
}

/// `POST /_synapse/admin/v1/deactivate/{user_id}`
pub(super) async fn deactivate(app: App, call: Call) -> Result<Deactivated> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        erase: bool,
    }
    let Body { erase } = call.body()?;
    app.accounts.administration.deactivate_for(&call.caller, &call.user(0)?, erase).await?;
    // This server never told an identity server anything.
    Ok(Deactivated { id_server_unbind_result: "success" })
}

/// `PUT /_synapse/admin/v1/suspend/{user_id}`
pub(super) async fn suspend(app: App, call: Call) -> Result<Value> {
    #[derive(Deserialize)]
    struct Body {
        suspend: bool,
    }
    let (Body { suspend }, user_id) = (call.body()?, call.user(0)?);
    app.accounts.administration.restrict(&call.caller, &user_id, Restriction::Suspension, suspend).await?;
    Ok(serde_json::json!({ format!("user_{user_id}_suspended"): suspend }))
}

/// `POST /_synapse/admin/v1/reset_password/{user_id}`
pub(super) async fn reset_password(app: App, call: Call) -> Result<Nothing> {
    #[derive(Deserialize)]
    struct Body {
        new_password: String,
        logout_devices: Option<bool>,
    }
    let body: Body = call.body()?;
    let ends_sessions = body.logout_devices.unwrap_or(true);
    let administration = &app.accounts.administration;
    administration.reset_password_for(&call.caller, &call.user(0)?, &body.new_password, ends_sessions).await?;
    Ok(Nothing {})
}

/// `POST /_synapse/admin/v1/users/{user_id}/shadow_ban`
pub(super) async fn shadow_ban(app: App, call: Call) -> Result<Nothing> {
    app.accounts.administration.set_shadow_ban(&call.caller, &call.user(0)?, true).await?;
    Ok(Nothing {})
}

/// `DELETE /_synapse/admin/v1/users/{user_id}/shadow_ban`
pub(super) async fn lift_shadow_ban(app: App, call: Call) -> Result<Nothing> {
    app.accounts.administration.set_shadow_ban(&call.caller, &call.user(0)?, false).await?;
    Ok(Nothing {})
}

/// What is said of a pace; nothing, if the configured limits hold.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct PaceForm {
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_per_second: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    burst_count: Option<u32>,
}

/// `GET /_synapse/admin/v1/users/{user_id}/override_ratelimit`
pub(super) async fn pace(app: App, call: Call) -> Result<PaceForm> {
    let pace = app.accounts.administration.marks(&call.user(0)?).await?.pace;
    let form = |pace: Pace| PaceForm { messages_per_second: Some(pace.per_second), burst_count: Some(pace.burst) };
    Ok(pace.map(form).unwrap_or_default())
}

/// `POST /_synapse/admin/v1/users/{user_id}/override_ratelimit`
pub(super) async fn set_pace(app: App, call: Call) -> Result<PaceForm> {
    let form: PaceForm = call.body()?;
    let per_second = form.messages_per_second.unwrap_or(0);
    let pace = Pace { per_second, burst: form.burst_count.unwrap_or(0) };
    if per_second > 0 && pace.burst == 0 {
        return Err(Error::invalid_param("`burst_count` has to be above 0 where there is a limit."));
    }
    app.accounts.administration.set_pace(&call.caller, &call.user(0)?, Some(pace)).await?;
    Ok(PaceForm { messages_per_second: Some(per_second), burst_count: Some(pace.burst) })
}

/// `DELETE /_synapse/admin/v1/users/{user_id}/override_ratelimit`
pub(super) async fn delete_pace(app: App, call: Call) -> Result<Nothing> {
    app.accounts.administration.set_pace(&call.caller, &call.user(0)?, None).await?;
    Ok(Nothing {})
}

#[derive(Serialize)]
pub(super) struct Available {
    available: bool,
}

/// `GET /_synapse/admin/v1/username_available`
pub(super) async fn is_available(app: App, call: Call) -> Result<Available> {
    #[derive(Deserialize)]
    struct Wanted {
        username: String,
    }
    // Administrators may give away reserved names, so those are free here.
    app.accounts.registration.free_name(&call.query::<Wanted>()?.username).await?;
    Ok(Available { available: true })
}

#[derive(Serialize)]
pub(super) struct LoggedIn {
    access_token: String,
}

/// `POST /_synapse/admin/v1/users/{user_id}/login`
pub(super) async fn log_in_as(app: App, call: Call) -> Result<LoggedIn> {
    #[derive(Deserialize)]
    struct Body {
        valid_until_ms: Option<i64>,
    }
    let (Body { valid_until_ms }, user_id) = (call.body()?, call.user(0)?);
    let token = app.accounts.administration.impersonate(&call.caller, &user_id, valid_until_ms).await?;
    Ok(LoggedIn { access_token: token })
}

#[derive(Serialize)]
pub(super) struct Owner {
    user_id: OwnedUserId,
}

/// `GET /_synapse/admin/v1/threepid/{medium}/users/{address}`
pub(super) async fn of_third_party_id(app: App, call: Call) -> Result<Owner> {
    if call.args[0] != "email" {
        return Err(Error::not_found("This server knows e-mail addresses only."));
    }
    Ok(Owner { user_id: app.moderation.owner_of_email(&call.args[1]).await? })
}

/// `GET /_synapse/admin/v1/auth_providers/{provider}/users/{external_id}`
pub(super) async fn of_identity(app: App, call: Call) -> Result<Owner> {
    // Synapse puts this before the names of its providers.
    let provider = call.args[0].strip_prefix("oidc-").unwrap_or(&call.args[0]);
    let user = app.accounts.identities.find_owner(provider, &call.args[1]).await?;
    Ok(Owner { user_id: app.storage.user_id(user).await? })
}
