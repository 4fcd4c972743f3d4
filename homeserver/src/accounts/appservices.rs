//! Application services: who they are, and which users, aliases and rooms are theirs. Application
//! service API, "Registration".
//!
//! What they are told, and asked, is the business of `remote::appservices` and `appservices`.

mod namespaces;
mod registration;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use ruma::{RoomAliasId, ServerName, UserId};
use subtle::{Choice, ConstantTimeEq};

pub use self::{
    namespaces::{Namespace, Namespaces},
    registration::{AppService, Wants},
};
use crate::{Error, Result, error::ErrorKind};

/// All application services of this server; clones share them.
#[derive(Clone, Debug, Default)]
pub struct AppServices(Arc<[Arc<AppService>]>);

impl AppServices {
    /// Reads registrations: files, or all YAML files of directories.
    pub fn load(paths: &[PathBuf], server_name: &ServerName) -> anyhow::Result<Self> {
        let mut all: Vec<Arc<AppService>> = Vec::new();
        for file in files(paths)? {
            let service = AppService::read(&file, server_name)?;
            let same = |name: &str| format!("{}: {name} is also that of another registration", file.display());
            if all.iter().any(|other| other.id == service.id) {
                bail!(same("id"));
            }
            if all.iter().any(|other| other.has_token_of(&service)) {
                bail!(same("as_token"));
            }
            all.push(Arc::new(service));
        }
        Ok(Self(all.into()))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<AppService>> {
        self.0.iter()
    }

    /// The one that authenticates itself by `token`. Takes as long whichever it is.
    pub fn find_by_token(&self, token: &str) -> Option<&Arc<AppService>> {
        let mut found = None;
        for service in self.iter() {
            if bool::from(service.is_token(token)) {
                found = Some(service);
            }
        }
        found
    }

    /// Refuses a user name that `by`, or somebody who is no application service, cannot have.
    pub fn check_user_is_free(&self, user: &UserId, by: Option<&AppService>) -> Result<()> {
        self.check_is_free(by, |service| service.owns_user(user), "This user name")
    }

    /// Refuses an alias that `by`, or somebody who is no application service, cannot use.
    pub fn check_alias_is_free(&self, alias: &RoomAliasId, by: Option<&AppService>) -> Result<()> {
        self.check_is_free(by, |service| service.namespaces.aliases.owns(alias.as_str()), "This alias")
    }

    fn check_is_free(&self, by: Option<&AppService>, owns: impl Fn(&AppService) -> bool, what: &str) -> Result<()> {
        let is_other = |service: &AppService| by.is_none_or(|by| by.id != service.id);
        if self.iter().any(|service| is_other(service) && owns(service)) {
            let message = format!("{what} is reserved for an application service.");
            return Err(Error::refused(ErrorKind::Exclusive, message));
        }
        Ok(())
    }
}

impl AppService {
    fn is_token(&self, token: &str) -> Choice {
        self.as_token.expose().as_bytes().ct_eq(token.as_bytes())
    }

    fn has_token_of(&self, other: &Self) -> bool {
        self.is_token(other.as_token.expose()).into()
    }
}

/// The files among `paths`, and those in the directories among them.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).with_context(|| format!("reading {}", path.display()))? {
            found.push(entry.with_context(|| format!("reading {}", path.display()))?.path());
        }
        found.retain(|file| is_yaml(file));
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

fn is_yaml(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

#[cfg(test)]
mod tests;
