//! Calls by administrators: who calls, and what they say.

use actix_web::web::Query;
use bytes::Bytes;
use http::Method;
use ruma::{OwnedRoomAliasId, OwnedRoomId, OwnedUserId, api::auth_scheme::AccessToken};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    App, Error, Result,
    access::{
        feature::Feature,
        rate_limits::{Action, Subject},
    },
    accounts::User,
    error::ErrorKind,
    http::{
        authenticate::{Authenticate, Circumstances},
        endpoint::Incoming,
    },
    storage::overview::Page,
};

/// Most entries on a page.
const MOST: u32 = 1000;

/// A call by a server administrator.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) caller: User,
    pub(super) args: Vec<String>,
    pub(super) request: http::Request<()>,
    pub(super) body: Bytes,
}

impl Call {
    /// Lets administrators in who may do so from where they are.
    pub(super) async fn admit(app: &App, incoming: Incoming) -> Result<Self> {
        let Incoming { request, path_args: args, body, origin } = incoming;
        let caller = AccessToken::authenticate(app, &Circumstances { request: &request, origin: &origin }).await?;
        app.access.gates.server(&caller.visitor()).await?;
        if !caller.is_unlimited() {
            app.access.rate_limits.take(Action::Default, Subject::User(caller.nid))?;
        }
        app.access.gates.feature(&caller.visitor(), Feature::AdminApi).await?;
        check(&caller, request.method())?;
        Ok(Self { caller, args, request, body })
    }

    /// A user in the path.
    pub(super) fn user(&self, index: usize) -> Result<OwnedUserId> {
        OwnedUserId::try_from(&*self.args[index]).map_err(|_| Error::invalid_param("This is not a user ID."))
    }

    /// A room in the path.
    pub(super) fn room(&self, index: usize) -> Result<OwnedRoomId> {
        OwnedRoomId::try_from(&*self.args[index]).map_err(|_| Error::invalid_param("This is not a room ID."))
    }

    /// A room in the path that may be named by an alias of this server.
    pub(super) async fn room_of(&self, app: &App, index: usize) -> Result<OwnedRoomId> {
        match OwnedRoomAliasId::try_from(&*self.args[index]) {
            Ok(alias) => app.directory.resolve(&alias).await,
            Err(_) => self.room(index),
        }
    }

    /// What the query says.
    pub(super) fn query<T: DeserializeOwned>(&self) -> Result<T> {
        let query = Query::<T>::from_query(self.request.uri().query().unwrap_or_default());
        query.map(Query::into_inner).map_err(|fault| Error::invalid_param(format!("The query is malformed: {fault}.")))
    }

    /// All values of a parameter of the query.
    pub(super) fn all_of(&self, name: &str) -> Vec<String> {
        let query = url::form_urlencoded::parse(self.request.uri().query().unwrap_or_default().as_bytes());
        query.filter(|(found, _)| found == name).map(|(_, value)| value.into_owned()).collect()
    }

    /// Which part of a list is wanted: of `limit` entries, and backwards if `is_backward`, if nothing else
    /// is said.
    pub(super) fn page(&self, limit: u32, is_backward: bool) -> Result<Page> {
        #[derive(Deserialize)]
        struct Wanted {
            from: Option<u32>,
            limit: Option<u32>,
            dir: Option<String>,
        }
        let wanted: Wanted = self.query()?;
        let is_backward = match wanted.dir.as_deref() {
            None => is_backward,
            Some("f") => false,
            Some("b") => true,
            Some(_) => return Err(Error::invalid_param("`dir` is either f or b.")),
        };
        Ok(Page { from: wanted.from.unwrap_or(0), limit: wanted.limit.unwrap_or(limit).min(MOST), is_backward })
    }

    /// What the body says; an empty one says nothing.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T> {
        let body = if self.body.is_empty() { b"{}" } else { &*self.body };
        serde_json::from_slice(body).map_err(|fault| match fault.classify() {
            serde_json::error::Category::Data => Error::bad_json(format!("The body is not what is expected: {fault}.")),
            _ => Error::not_json(format!("The body is not JSON: {fault}.")),
        })
    }
}

/// Refuses those who are no administrators. An application service can be one as its own sender, but is not
/// as anybody else for whom it may speak.
fn check(caller: &User, method: &Method) -> Result<()> {
    if !caller.is_admin {
        return Err(Error::forbidden("You are not a server admin"));
    }
    if caller.is_suspended {
        return Err(Error::refused(
            ErrorKind::UserSuspended,
            "This account is suspended: it can read, but not do this.",
        ));
    }
    if caller.is_read_only && *method != Method::GET {
        return Err(Error::forbidden("This access token is for reading only."));
    }
    Ok(())
}
