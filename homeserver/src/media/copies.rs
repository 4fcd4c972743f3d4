//! Keeps copies of other servers' media. Where they come from is not decided here: a media that is
//! not found is fetched by whoever knows the other server, kept here, and looked for again.

use super::{
    Media,
    intake::{Allowance, Body, Place, check_description},
};
use crate::{
    Error, Result,
    storage::{
        fault,
        media::{Description, MediaKey},
    },
};

impl Media {
    /// Keeps what another server calls `key`. It is served from then on as if it had been uploaded
    /// here. If it was kept already, that copy stays.
    pub async fn keep_copy(&self, key: MediaKey<'_>, description: Description, body: Body) -> Result<()> {
        if key.origin == self.server_name {
            return Err(Error::internal("media of this server cannot be copies"));
        }
        check_description(&description)?;
        let allowance = Allowance { each: self.config.upload_limit_bytes, left: None };
        let content = self.receive(allowance, body).await?;
        match self.admit(&content, self.arrival(key, None, &description, &content), Place::New).await {
            Err(error) if fault::is_duplicate(&error) => Ok(()),
            outcome => outcome,
        }
    }
}
