//! Statistics: how much people have uploaded.

use serde::{Deserialize, Serialize};

use super::Call;
use crate::{
    App, Error, Result,
    storage::media::statistics::{UploadFilter, UploadOrder},
};

/// Users on a page, if nothing else is asked for.
const LIMIT: u32 = 100;

#[derive(Deserialize)]
struct Query {
    order_by: Option<String>,
    search_term: Option<String>,
    from_ts: Option<i64>,
    until_ts: Option<i64>,
}

impl Query {
    fn order(&self) -> Result<UploadOrder> {
        Ok(match self.order_by.as_deref() {
            None | Some("user_id") => UploadOrder::UserId,
            Some("displayname") => UploadOrder::DisplayName,
            Some("media_count") => UploadOrder::Count,
            Some("media_length") => UploadOrder::Size,
            Some(other) => return Err(Error::invalid_param(format!("Users cannot be sorted by {other}."))),
        })
    }

    fn filter(self) -> UploadFilter {
        let term = self.search_term.filter(|term| !term.is_empty());
        UploadFilter { term, from_ms: self.from_ts, until_ms: self.until_ts }
    }
}

/// What a user has uploaded.
#[derive(Serialize)]
struct User {
    user_id: String,
    displayname: Option<String>,
    media_count: i64,
    media_length: i64,
}

#[derive(Serialize)]
pub(super) struct Users {
    users: Vec<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<i64>,
    total: i64,
}

/// `GET /_synapse/admin/v1/statistics/users/media`
pub(super) async fn media(app: App, call: Call) -> Result<Users> {
    let (query, page) = (call.query::<Query>()?, call.page(LIMIT, false)?);
    let order = query.order()?;
    let (uploads, total) = app.moderation.uploads(&query.filter(), order, page).await?;
    let users = uploads.into_iter().map(|uploads| User {
        user_id: uploads.user_id.to_string(),
        displayname: uploads.display_name,
        media_count: uploads.count,
        media_length: uploads.size,
    });
    let next = i64::from(page.from) + i64::from(page.limit);
    Ok(Users { users: users.collect(), next_token: (next < total).then_some(next), total })
}
