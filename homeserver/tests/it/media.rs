//! Media: uploads, downloads, thumbnails, and what becomes of them.

mod copies;
mod created;
mod downloads;
mod legacy;
mod moderation;
mod pictures;
mod previews;
mod sweep;
mod thumbnails;
mod uploads;

use std::{
    fs,
    path::{Path, PathBuf},
};

use homeserver::storage::media::MediaKey;
use homeserver_testing::TestServer;

/// A server whose media settings are changed.
async fn server_with(change: impl FnOnce(&mut homeserver::config::Media)) -> TestServer {
    TestServer::start_with(|config| change(&mut config.media)).await
}

/// The directory of the server's media.
fn directory(server: &TestServer) -> PathBuf {
    server.app.config.media_directory()
}

/// All files below `directory`.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("the directory can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn key<'a>(server: &'a TestServer, uri: &'a str) -> MediaKey<'a> {
    MediaKey { origin: &server.app.config.server.name, media_id: uri.rsplit('/').next().expect("it has an ID") }
}
