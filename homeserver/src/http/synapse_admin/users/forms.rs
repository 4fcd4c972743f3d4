//! What is said of accounts, in lists and of one, and what is asked. Times are in milliseconds, but for
//! `creation_ts` of a single account, which is in seconds. Where no time is known, callers want 0.

use ruma::UserId;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    App, Error, Result,
    moderation::UserChange,
    storage::{
        accounts::AccountKind,
        overview::users::{self, UserFilter, UserOrder},
    },
};

/// What may be asked of a list besides the page.
#[derive(Deserialize)]
pub(super) struct ListQuery {
    order_by: Option<String>,
    name: Option<String>,
    user_id: Option<String>,
    guests: Option<bool>,
    admins: Option<bool>,
    deactivated: Option<bool>,
    locked: Option<bool>,
}

impl ListQuery {
    /// Which accounts are wanted. In the third version of the endpoint, `deactivated` chooses between those
    /// that are and those that are not; in the second, it adds those that are.
    pub(super) fn filter(&self, is_third: bool, not_types: Vec<String>) -> UserFilter {
        let without = |is_included: bool| if is_included { None } else { Some(false) };
        UserFilter {
            user_id: self.user_id.clone().filter(|part| !part.is_empty()),
            name: self.name.clone().filter(|part| !part.is_empty()),
            guests: without(self.guests.unwrap_or(true)),
            admins: self.admins,
            deactivated: if is_third { self.deactivated } else { without(self.deactivated.unwrap_or(false)) },
            locked: without(self.locked.unwrap_or(false)),
            not_types,
        }
    }

    pub(super) fn order(&self) -> Result<UserOrder> {
        Ok(match self.order_by.as_deref() {
            None | Some("name") => UserOrder::Id,
            Some("is_guest") => UserOrder::Guest,
            Some("admin") => UserOrder::Admin,
            Some("user_type") => UserOrder::Type,
            Some("deactivated") => UserOrder::Deactivated,
            Some("shadow_banned") => UserOrder::ShadowBanned,
            Some("displayname") => UserOrder::DisplayName,
            Some("avatar_url") => UserOrder::AvatarUrl,
            Some("creation_ts") => UserOrder::CreatedAt,
            Some("last_seen_ts") => UserOrder::LastSeenAt,
            Some(other) => return Err(Error::invalid_param(format!("Users cannot be sorted by {other}."))),
        })
    }
}

/// An account in a list.
#[derive(Serialize)]
pub(in crate::http::synapse_admin) struct ListedUser {
    name: String,
    displayname: Option<String>,
    avatar_url: Option<String>,
    is_guest: bool,
    admin: bool,
    user_type: Option<String>,
    deactivated: bool,
    erased: bool,
    shadow_banned: bool,
    locked: bool,
    suspended: bool,
    creation_ts: i64,
    last_seen_ts: Option<i64>,
}

impl From<users::ListedUser> for ListedUser {
    fn from(user: users::ListedUser) -> Self {
        Self {
            name: user.user_id.to_string(),
            displayname: user.display_name,
            avatar_url: user.avatar_url,
            is_guest: user.kind == AccountKind::Guest,
            admin: user.is_admin,
            user_type: user.user_type,
            deactivated: user.is_deactivated,
            erased: user.is_erased,
            shadow_banned: user.is_shadow_banned,
            locked: user.is_locked,
            suspended: user.is_suspended,
            creation_ts: user.created_at,
            last_seen_ts: user.last_seen_at,
        }
    }
}

/// A single account.
#[derive(Serialize)]
pub(in crate::http::synapse_admin) struct UserDetail {
    #[serde(flatten)]
    user: ListedUser,
    threepids: Vec<ThirdPartyId>,
    external_ids: Vec<ExternalId>,
    appservice_id: Option<String>,
    /// The version of the terms that the user accepted last.
    consent_version: Option<String>,
    consent_ts: Option<i64>,
    /// There are no server notices.
    consent_server_notice_sent: Option<String>,
}

/// An identity at a provider that opens the account.
#[derive(Deserialize, Serialize)]
struct ExternalId {
    auth_provider: String,
    external_id: String,
}

/// An e-mail address of an account.
#[derive(Serialize)]
struct ThirdPartyId {
    medium: &'static str,
    address: String,
    added_at: i64,
    validated_at: i64,
}

impl UserDetail {
    /// What there is to be said of `user_id`.
    pub(super) async fn of(app: &App, user_id: &UserId) -> Result<Self> {
        let found = app.moderation.user(user_id).await?;
        let emails = app.accounts.emails.list(found.user).await?;
        let threepids = emails.into_iter().map(|email| ThirdPartyId {
            medium: "email",
            address: email.address,
            added_at: email.added_at,
            validated_at: email.validated_at,
        });
        let identities = app.accounts.identities.subjects(found.user).await?.into_iter();
        let terms = app.moderation.accepted_terms(found.user).await?;
        let (consent_version, consent_ts) = terms.unzip();
        // Services make their own accounts; what else is in their namespaces may be people's.
        let mut services = app.accounts.appservices.iter().filter(|_| found.kind == AccountKind::AppService);
        let service = services.find(|service| service.is_interested_in_user(user_id));
        let mut user = ListedUser::from(found);
        user.creation_ts /= 1000;
        user.last_seen_ts.get_or_insert(0);
        Ok(Self {
            user,
            threepids: threepids.collect(),
            external_ids: identities
                .map(|(auth_provider, external_id)| ExternalId { auth_provider, external_id })
                .collect(),
            appservice_id: service.map(|service| service.id.clone()),
            consent_version,
            consent_ts,
            consent_server_notice_sent: None,
        })
    }
}

/// What is to be changed.
#[derive(Deserialize)]
pub(super) struct PutBody {
    password: Option<String>,
    logout_devices: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    displayname: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    avatar_url: Option<Option<String>>,
    threepids: Option<Vec<ThirdPartyIdBody>>,
    external_ids: Option<Vec<ExternalId>>,
    admin: Option<bool>,
    deactivated: Option<bool>,
    locked: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    user_type: Option<Option<String>>,
}

#[derive(Deserialize)]
struct ThirdPartyIdBody {
    medium: String,
    address: String,
}

/// Tells what is said to be nothing from what is not said.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

impl PutBody {
    pub(super) fn change(self) -> Result<UserChange> {
        if let Some(other) = self.threepids.iter().flatten().find(|id| id.medium != "email") {
            return Err(Error::invalid_param(format!("This server knows no addresses of the kind {}.", other.medium)));
        }
        let emails = self.threepids.map(|ids| ids.into_iter().map(|id| id.address).collect());
        Ok(UserChange {
            password: self.password,
            keeps_sessions: !self.logout_devices.unwrap_or(true),
            display_name: self.displayname.map(Option::unwrap_or_default),
            avatar_url: self.avatar_url.map(Option::unwrap_or_default),
            emails,
            identities: self
                .external_ids
                .map(|ids| ids.into_iter().map(|id| (id.auth_provider, id.external_id)).collect()),
            is_admin: self.admin,
            is_deactivated: self.deactivated,
            is_locked: self.locked,
            user_type: self.user_type,
        })
    }
}
