//! Changes of keys that other devices have to learn of. The log writes them together with the
//! device list changes that tell of them, so that neither is ever there without the other.

use std::sync::Arc;

use ruma::OwnedDeviceId;

use super::identity::CrossSigningKind;
use crate::{
    Error, Result,
    storage::{Conn, codec::Text, fault, numbers::UserNid},
};

/// One change of somebody's keys.
#[derive(Clone, Debug)]
pub enum KeyChange {
    /// A device got identity keys.
    Device(DeviceKeysRow),
    /// A user got a cross-signing key.
    CrossSigning(CrossSigningRow),
    /// A user lost a cross-signing key, because its master key is another now.
    NoCrossSigning(UserNid, CrossSigningKind),
    /// A key was signed.
    Signature(SignatureRow),
}

/// A row of `device_keys`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct DeviceKeysRow {
    pub user: UserNid,
    pub device_id: OwnedDeviceId,
    /// Whether the keys are other ones than before, so that signatures on and by those are void.
    pub is_new: bool,
    pub json: Arc<str>,
}

/// A row of `cross_signing_keys`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct CrossSigningRow {
    pub user: UserNid,
    pub kind: CrossSigningKind,
    /// The public key that was there when the change was allowed.
    pub expected: Option<String>,
    pub public_key: String,
    pub json: Arc<str>,
}

/// A row of `key_signatures`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct SignatureRow {
    pub target: UserNid,
    pub target_key: String,
    pub signer: UserNid,
    pub signer_key: String,
    pub signature: String,
}

/// Writes `changes` in their order.
pub async fn write(conn: &mut Conn, changes: &[KeyChange]) -> Result<()> {
    for change in changes {
        match change {
            KeyChange::Device(row) => write_device_keys(conn, row).await?,
            KeyChange::CrossSigning(row) => write_cross_signing_key(conn, row).await?,
            KeyChange::NoCrossSigning(user, kind) => delete_cross_signing_key(conn, *user, *kind).await?,
            KeyChange::Signature(row) => write_signature(conn, row).await?,
        }
    }
    Ok(())
}

async fn write_device_keys(conn: &mut Conn, row: &DeviceKeysRow) -> Result<()> {
    if row.is_new {
        delete_signatures(conn, row.user, row.device_id.as_str()).await?;
    }
    sqlx::query!(
        "insert into device_keys (user_nid, device_id, json) values (?, ?, ?)
         on duplicate key update json = values(json)",
        row.user,
        row.device_id.as_str(),
        row.json.as_bytes()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes the key only if the present one is still the one it was allowed to replace.
async fn write_cross_signing_key(conn: &mut Conn, row: &CrossSigningRow) -> Result<()> {
    let is_written = match &row.expected {
        None => {
            let inserted = sqlx::query!(
                "insert into cross_signing_keys (user_nid, kind, public_key, json) values (?, ?, ?, ?)",
                row.user,
                row.kind as i8,
                row.public_key,
                row.json.as_bytes()
            )
            .execute(&mut *conn)
            .await
            .map_err(Error::from);
            match inserted {
                Err(error) if fault::is_duplicate(&error) => false,
                Err(error) => return Err(error),
                Ok(_) => true,
            }
        }
        Some(expected) => {
            if *expected != row.public_key {
                delete_signatures(conn, row.user, expected).await?;
            }
            let updated = sqlx::query!(
                "update cross_signing_keys set public_key = ?, json = ?
                 where user_nid = ? and kind = ? and public_key = ?",
                row.public_key,
                row.json.as_bytes(),
                row.user,
                row.kind as i8,
                expected
            )
            .execute(conn)
            .await?;
            updated.rows_affected() == 1
        }
    };
    if is_written {
        Ok(())
    } else {
        Err(Error::forbidden("Another session has uploaded cross-signing keys at the same moment."))
    }
}

async fn delete_cross_signing_key(conn: &mut Conn, user: UserNid, kind: CrossSigningKind) -> Result<()> {
    let public_key = sqlx::query_scalar!(
        "select public_key as `public_key: Text` from cross_signing_keys
         where user_nid = ? and kind = ?",
        user,
        kind as i8
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(public_key) = public_key else { return Ok(()) };
    delete_signatures(conn, user, &public_key.0).await?;
    sqlx::query!("delete from cross_signing_keys where user_nid = ? and kind = ?", user, kind as i8)
        .execute(conn)
        .await?;
    Ok(())
}

async fn write_signature(conn: &mut Conn, row: &SignatureRow) -> Result<()> {
    sqlx::query!(
        "insert into key_signatures (target_nid, target_key, signer_nid, signer_key, signature)
         values (?, ?, ?, ?, ?)
         on duplicate key update signature = values(signature)",
        row.target,
        row.target_key,
        row.signer,
        row.signer_key,
        row.signature
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the signatures on and by a key, which is a device ID or a public cross-signing key.
pub(super) async fn delete_signatures(conn: &mut Conn, user: UserNid, key: &str) -> Result<()> {
    sqlx::query!("delete from key_signatures where target_nid = ? and target_key = ?", user, key)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("delete from key_signatures where signer_nid = ? and signer_key = ?", user, key).execute(conn).await?;
    Ok(())
}
