//! What clients write and read about key backups.

use std::collections::BTreeMap;

use ruma::{
    OwnedRoomId, UInt,
    api::client::backup::{BackupAlgorithm, KeyBackupData, RoomKeyBackup},
    serde::Raw,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Error, Result,
    storage::key_backups::{BackupRow, Merit, SessionRow},
};

/// Longest name of an algorithm and longest session ID, in bytes.
const NAME_LIMIT: usize = 255;
/// Largest key, and largest data for using a backup, in bytes.
const SIZE_LIMIT: usize = 64 << 10;
/// A version of a backup as it stands.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the specification describes them")]
pub struct BackupVersion {
    pub algorithm: Raw<BackupAlgorithm>,
    pub version: String,
    pub contents: Contents,
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Another value after each change.
    pub etag: String,
    /// The number of keys.
    pub count: UInt,
}

/// What a backup is, as clients write and read it.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Description {
    pub(super) algorithm: String,
    pub(super) auth_data: Box<RawValue>,
    /// Clients may repeat the version from the path.
    #[serde(skip_serializing)]
    pub(super) version: Option<String>,
}

/// The key of a session as clients write and read it.
#[derive(Debug, Deserialize, Serialize)]
struct KeyData {
    first_message_index: UInt,
    forwarded_count: UInt,
    is_verified: bool,
    session_data: Box<RawValue>,
}

pub(super) fn read_description(description: &Raw<BackupAlgorithm>) -> Result<Description> {
    let read: Description = description
        .deserialize_as_unchecked()
        .map_err(|fault| Error::bad_json(format!("This does not describe a backup: {fault}.")))?;
    if read.algorithm.len() > NAME_LIMIT {
        return Err(Error::invalid_param("The name of the algorithm is longer than 255 bytes."));
    }
    check_object(&read.auth_data)?;
    Ok(read)
}

pub(super) fn read_sessions(rooms: BTreeMap<OwnedRoomId, RoomKeyBackup>) -> Result<Vec<SessionRow>> {
    let mut sessions = Vec::new();
    for (room_id, room) in rooms {
        for (session_id, key) in room.sessions {
            sessions.push(read_session(room_id.clone(), session_id, &key)?);
        }
    }
    Ok(sessions)
}

fn read_session(room_id: OwnedRoomId, session_id: String, key: &Raw<KeyBackupData>) -> Result<SessionRow> {
    if session_id.len() > NAME_LIMIT {
        return Err(Error::invalid_param("A session ID is longer than 255 bytes."));
    }
    let key: KeyData = key
        .deserialize_as_unchecked()
        .map_err(|fault| Error::bad_json(format!("The key of session {session_id} is malformed: {fault}.")))?;
    check_object(&key.session_data)?;
    let merit = Merit {
        is_verified: key.is_verified,
        first_message_index: key.first_message_index.into(),
        forwarded_count: key.forwarded_count.into(),
    };
    Ok(SessionRow { room_id, session_id, merit, session_data: Box::<str>::from(key.session_data).into() })
}

fn check_object(json: &RawValue) -> Result<()> {
    if json.get().len() > SIZE_LIMIT {
        return Err(Error::too_large("A key or the data about a backup is larger than 65,536 bytes."));
    }
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json.get())
        .map(drop)
        .map_err(|fault| Error::bad_json(format!("A key or the data about a backup is not a JSON object: {fault}.")))
}

pub(super) fn describe(backup: &BackupRow) -> Result<BackupVersion> {
    let auth_data = stored_json(&backup.auth_data)?;
    let description = Description { algorithm: backup.algorithm.clone(), auth_data, version: None };
    Ok(BackupVersion {
        algorithm: to_raw(&description)?,
        version: backup.version.to_string(),
        contents: contents(backup.etag, backup.key_count),
    })
}

pub(super) fn contents(etag: i64, count: i64) -> Contents {
    Contents { etag: etag.to_string(), count: UInt::new_saturating(count.unsigned_abs()) }
}

pub(super) fn to_client(session: &SessionRow) -> Result<Raw<KeyBackupData>> {
    let Merit { is_verified, first_message_index, forwarded_count } = session.merit;
    to_raw(&KeyData {
        first_message_index: UInt::new_saturating(first_message_index.unsigned_abs()),
        forwarded_count: UInt::new_saturating(forwarded_count.unsigned_abs()),
        is_verified,
        session_data: stored_json(&session.session_data)?,
    })
}

fn stored_json(json: &str) -> Result<Box<RawValue>> {
    serde_json::from_str(json).map_err(|fault| Error::internal(format!("a stored key backup is malformed: {fault}")))
}

fn to_raw<T>(json: &impl Serialize) -> Result<Raw<T>> {
    let json = serde_json::value::to_raw_value(json)
        .map_err(|fault| Error::internal(format!("a key backup could not be serialised: {fault}")))?;
    Ok(Raw::from_json(json))
}
