//! The registration file, by which this program and the homeserver know each other.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::{config::Hidden, ids};

/// What the homeserver calls this application service.
pub const ID: &str = "salon-moderation";
/// The name of the bot, without its server.
const SENDER: &str = "_moderation";
/// Letters and digits of a token: 256 bits.
const TOKEN_LENGTH: usize = 52;

/// What this program needs to know of its registration.
#[derive(Clone, Debug, Deserialize)]
pub struct Registration {
    /// What this program shows to the homeserver.
    pub as_token: Hidden,
    /// What the homeserver shows to this program.
    pub hs_token: Hidden,
}

impl Registration {
    /// Reads the file.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file).with_context(|| {
            format!("reading the registration {}: `salon-moderation register` writes it", file.display())
        })?;
        let read: Self = serde_saphyr::from_str(&text)
            .map_err(|fault| anyhow::anyhow!("{}: {}", file.display(), fault.without_snippet()))?;
        ensure!(
            !read.as_token.expose().is_empty() && !read.hs_token.expose().is_empty(),
            "{}: a token is empty",
            file.display()
        );
        Ok(read)
    }

    /// Writes the file with new tokens, for a program that listens at `url`; says whether it was
    /// missing. One that is there stays as it is.
    pub fn write_if_missing(file: &Path, url: &str) -> anyhow::Result<bool> {
        let told = || format!("writing {}", file.display());
        if let Some(directory) = file.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).with_context(told)?;
        }
        if file.exists() {
            return Ok(false);
        }
        // Written whole under another name first: a file that was cut short would be in the way for ever.
        let draft = file.with_extension(format!("new-{}", ids::random(8)));
        let mut out = File::options().write(true).create_new(true).mode(0o600).open(&draft).with_context(told)?;
        out.write_all(text(url, &ids::random(TOKEN_LENGTH), &ids::random(TOKEN_LENGTH)).as_bytes())
            .and_then(|()| out.sync_all())
            .with_context(told)?;
        let linked = fs::hard_link(&draft, file);
        fs::remove_file(&draft).with_context(told)?;
        match linked {
            Ok(()) => Ok(true),
            Err(fault) if fault.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(fault) => Err(fault).with_context(told),
        }
    }
}

/// The text of a registration file. The names are reserved for the bot on whatever server it is.
pub fn text(url: &str, as_token: &str, hs_token: &str) -> String {
    format!(
        "# Salon and salon-moderation know each other by this file. Whoever has it can moderate.
id: {ID}
url: {url}
as_token: {as_token}
hs_token: {hs_token}
sender_localpart: {SENDER}
rate_limited: false
namespaces:
  users:
    - exclusive: true
      regex: '@_moderation(_.*)?:.*'
  aliases:
    - exclusive: true
      regex: '#_moderation_.*'
  rooms: []
"
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::Registration;

    #[test]
    fn it_is_written_once_and_for_the_owner_alone() {
        let place = tempfile::tempdir().expect("a directory can be made");
        let file = place.path().join("data/appservices/moderation.yaml");

        assert!(Registration::write_if_missing(&file, "http://127.0.0.1:29400").expect("it is written"));
        let first = Registration::read(&file).expect("it is valid");
        assert!(!Registration::write_if_missing(&file, "http://127.0.0.1:29400").expect("it is there"));
        let second = Registration::read(&file).expect("it is valid");

        assert_eq!(first.as_token, second.as_token);
        assert_ne!(first.as_token, first.hs_token);
        assert_eq!(std::fs::metadata(&file).expect("it is there").mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(file.parent().expect("a directory")).expect("it is there").count(), 1);
    }
}
