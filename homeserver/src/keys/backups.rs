//! Backups of room keys on the server. The keys are encrypted; the server sees only what decides
//! which of two keys of a session is better.

mod form;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use ruma::{
    OwnedRoomId, RoomId,
    api::{
        client::backup::{BackupAlgorithm, KeyBackupData, RoomKeyBackup},
        error::WrongRoomKeysVersionErrorData,
    },
    serde::Raw,
};

pub use self::form::{BackupVersion, Contents};
use self::form::{Description, contents, describe, read_description, read_sessions, to_client};
pub use crate::storage::key_backups::Scope;
use crate::{
    Error, Result,
    clock::Clock,
    error::ErrorKind,
    storage::{
        Conn, Storage, Tx, fault,
        key_backups::{self, BackupRow, Merit, SessionRow},
        numbers::UserNid,
    },
};

/// How often a version number is chosen anew because somebody else has taken it.
const ATTEMPTS: usize = 5;

/// The key backups of users.
#[derive(Clone, Debug)]
pub struct Backups {
    storage: Storage,
    clock: Clock,
}

impl Backups {
    /// The backups in `storage`.
    pub fn new(storage: Storage, clock: Clock) -> Self {
        Self { storage, clock }
    }

    /// Begins a new version, which is the current one from now on. Returns its number.
    pub async fn create(&self, user: UserNid, description: &Raw<BackupAlgorithm>) -> Result<String> {
        let Description { algorithm, auth_data, .. } = read_description(description)?;
        let now_ms = self.clock.now_ms();
        for _ in 0..ATTEMPTS {
            let mut conn = self.storage.conn().await?;
            let version = key_backups::newest_version(&mut conn, user).await?.unwrap_or(0) + 1;
            match key_backups::insert(&mut conn, user, version, &algorithm, auth_data.get(), now_ms).await {
                Err(error) if fault::is_duplicate(&error) => {}
                outcome => return outcome.map(|()| version.to_string()),
            }
        }
        Err(Error::limit_exceeded(Duration::from_secs(1)))
    }

    /// The current version.
    pub async fn current(&self, user: UserNid) -> Result<BackupVersion> {
        describe(&current(&mut *self.storage.conn().await?, user).await?)
    }

    /// Any version that is not deleted.
    pub async fn version(&self, user: UserNid, version: &str) -> Result<BackupVersion> {
        describe(&find(&mut *self.storage.conn().await?, user, version).await?)
    }

    /// Changes the data that clients need for using a version.
    pub async fn update(&self, user: UserNid, version: &str, description: &Raw<BackupAlgorithm>) -> Result<()> {
        let Description { algorithm, auth_data, version: repeated } = read_description(description)?;
        let mut conn = self.storage.conn().await?;
        let stored = find(&mut conn, user, version).await?;
        if repeated.is_some_and(|repeated| repeated != version) {
            return Err(Error::invalid_param("The version in the body is not the one in the path."));
        }
        if stored.algorithm != algorithm {
            return Err(Error::invalid_param("The algorithm of a backup cannot be changed."));
        }
        key_backups::update_auth_data(&mut conn, user, stored.version, auth_data.get()).await
    }

    /// Deletes a version with its keys. It may be deleted already.
    pub async fn delete(&self, user: UserNid, version: &str) -> Result<()> {
        let version = parse_version(version)?;
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                key_backups::lock(&mut tx, user).await?;
                key_backups::find(&mut tx, user, version).await?.ok_or_else(unknown_version)?;
                key_backups::delete(&mut tx, user, version).await?;
                Ok(tx.commit().await?)
            })
            .await
    }

    /// Stores keys in the current version, which has to be `version`. Where there is one for a
    /// session already, the better one stays.
    pub async fn store(
        &self,
        user: UserNid,
        version: &str,
        rooms: BTreeMap<OwnedRoomId, RoomKeyBackup>,
    ) -> Result<Contents> {
        let sessions = read_sessions(rooms)?;
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                key_backups::lock(&mut tx, user).await?;
                let backup = current(&mut tx, user).await?;
                if backup.version.to_string() != version {
                    return Err(wrong_version(&backup));
                }
                let (better, added) = choose(&mut tx, user, backup.version, &sessions).await?;
                key_backups::upsert_sessions(&mut tx, user, backup.version, &better).await?;
                finish(tx, user, &backup, !better.is_empty(), backup.key_count + added).await
            })
            .await
    }

    /// The keys in `scope` of a version.
    pub async fn keys(
        &self,
        user: UserNid,
        version: &str,
        scope: Scope<'_>,
    ) -> Result<BTreeMap<OwnedRoomId, RoomKeyBackup>> {
        let mut conn = self.storage.conn().await?;
        let backup = find(&mut conn, user, version).await?;
        let mut rooms: BTreeMap<OwnedRoomId, RoomKeyBackup> = BTreeMap::new();
        for session in key_backups::list_sessions(&mut conn, user, backup.version, scope).await? {
            let key = to_client(&session)?;
            let room = rooms.entry(session.room_id).or_insert_with(|| RoomKeyBackup::new(BTreeMap::new()));
            room.sessions.insert(session.session_id, key);
        }
        Ok(rooms)
    }

    /// The key of one session.
    pub async fn key(
        &self,
        user: UserNid,
        version: &str,
        room_id: &RoomId,
        session_id: &str,
    ) -> Result<Raw<KeyBackupData>> {
        let mut conn = self.storage.conn().await?;
        let backup = find(&mut conn, user, version).await?;
        let scope = Scope::Session(room_id.as_str(), session_id);
        let found = key_backups::list_sessions(&mut conn, user, backup.version, scope).await?.pop();
        to_client(&found.ok_or_else(|| Error::not_found("The backup has no key of this session."))?)
    }

    /// Deletes the keys in `scope` from a version.
    pub async fn delete_keys(&self, user: UserNid, version: &str, scope: Scope<'_>) -> Result<Contents> {
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                key_backups::lock(&mut tx, user).await?;
                let backup = find(&mut tx, user, version).await?;
                let deleted = key_backups::delete_sessions(&mut tx, user, backup.version, scope).await?;
                let deleted = i64::try_from(deleted).unwrap_or(backup.key_count);
                finish(tx, user, &backup, deleted > 0, backup.key_count - deleted).await
            })
            .await
    }
}

/// Notes what has changed, if anything has, and commits.
async fn finish(mut tx: Tx, user: UserNid, backup: &BackupRow, is_changed: bool, key_count: i64) -> Result<Contents> {
    let etag = if is_changed { backup.etag + 1 } else { backup.etag };
    if is_changed {
        key_backups::update_count(&mut tx, user, backup.version, etag, key_count).await?;
    }
    tx.commit().await?;
    Ok(contents(etag, key_count))
}

async fn current(conn: &mut Conn, user: UserNid) -> Result<BackupRow> {
    key_backups::find_current(conn, user).await?.ok_or_else(|| Error::not_found("There is no key backup."))
}

async fn find(conn: &mut Conn, user: UserNid, version: &str) -> Result<BackupRow> {
    let found = key_backups::find(conn, user, parse_version(version)?).await?;
    found.filter(|backup| !backup.is_deleted).ok_or_else(unknown_version)
}

/// Versions are opaque to clients; what was never given out does not exist.
fn parse_version(version: &str) -> Result<i64> {
    version.parse().ok().filter(|number: &i64| number.to_string() == version).ok_or_else(unknown_version)
}

fn unknown_version() -> Error {
    Error::not_found("There is no such version of the key backup.")
}

fn wrong_version(current: &BackupRow) -> Error {
    let data = WrongRoomKeysVersionErrorData::new(current.version.to_string());
    Error::refused(ErrorKind::WrongRoomKeysVersion(data), "This is not the current version of the key backup.")
}

/// Those of `sessions` that are better than what is stored, and how many of them are new.
async fn choose<'a>(
    conn: &mut Conn,
    user: UserNid,
    version: i64,
    sessions: &'a [SessionRow],
) -> Result<(Vec<&'a SessionRow>, i64)> {
    let ids: Vec<_> = sessions.iter().map(|session| (session.room_id.as_str(), &*session.session_id)).collect();
    let stored: HashMap<(String, String), Merit> = key_backups::list_merits(conn, user, version, &ids)
        .await?
        .into_iter()
        .map(|(room_id, session_id, merit)| ((room_id, session_id), merit))
        .collect();
    let mut added = 0;
    let mut better = Vec::with_capacity(sessions.len());
    for session in sessions {
        match stored.get(&(session.room_id.to_string(), session.session_id.clone())) {
            Some(merit) if !is_better(&session.merit, merit) => continue,
            Some(_) => {}
            None => added += 1,
        }
        better.push(session);
    }
    Ok((better, added))
}

/// Whether a key replaces the stored one. Client-server API, "Server-side key backups".
fn is_better(new: &Merit, stored: &Merit) -> bool {
    if new.is_verified != stored.is_verified {
        return new.is_verified;
    }
    (new.first_message_index, new.forwarded_count) < (stored.first_message_index, stored.forwarded_count)
}
