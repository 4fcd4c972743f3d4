//! Keys for end-to-end encryption: those of devices and users, one-time keys, signatures.

pub mod changes;
pub mod identity;
pub mod one_time;
pub mod supply;

use ruma::DeviceId;

use super::{Conn, numbers::UserNid};
use crate::Result;

/// Deletes everything that belongs to a device in end-to-end encryption: identity keys, one-time
/// keys, fallback keys, the signatures on and by it, and the messages that wait for it. Returns
/// whether it had identity keys.
///
/// Call it in the transaction that deletes the device. After the commit call
/// [`Storage::forget_key_supply`](super::Storage::forget_key_supply), and if this returned true
/// append a change of the user's device list to the log.
pub async fn delete_device_keys(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<bool> {
    let device_id = device_id.as_str();
    let deleted = sqlx::query!("delete from device_keys where user_nid = ? and device_id = ?", user, device_id)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("delete from one_time_keys where user_nid = ? and device_id = ?", user, device_id)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("delete from fallback_keys where user_nid = ? and device_id = ?", user, device_id)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("delete from to_device_messages where user_nid = ? and device_id = ?", user, device_id)
        .execute(&mut *conn)
        .await?;
    changes::delete_signatures(conn, user, device_id).await?;
    Ok(deleted.rows_affected() > 0)
}

/// Deletes the cross-signing keys of a user, and the signatures on and by them.
pub async fn delete_user_keys(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query!("delete from cross_signing_keys where user_nid = ?", user).execute(&mut *conn).await?;
    sqlx::query!("delete from key_signatures where target_nid = ?", user).execute(&mut *conn).await?;
    sqlx::query!("delete from key_signatures where signer_nid = ?", user).execute(conn).await?;
    Ok(())
}
