//! Finding people.

use ruma::api::client::user_directory::search_users;

use crate::{App, Result, http::endpoint::Ruma};

/// `POST /_matrix/client/v3/user_directory/search`
pub(super) async fn search(app: App, req: Ruma<search_users::v3::Request>) -> Result<search_users::v3::Response> {
    let limit = usize::try_from(u64::from(req.body.limit)).unwrap_or(usize::MAX);
    let found = app.directory.search_people(&req.caller, &req.body.search_term, limit).await?;
    let shown = found.people.into_iter().map(|person| {
        let mut user = search_users::v3::User::new(person.user_id);
        user.display_name = person.display_name;
        user.avatar_url = person.avatar_url.map(Into::into);
        user
    });
    Ok(search_users::v3::Response::new(shown.collect(), found.is_limited))
}
