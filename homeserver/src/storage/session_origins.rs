//! How the sessions of devices began.

use ruma::{DeviceId, OwnedDeviceId};

use super::{Conn, codec::DeviceIdColumn, numbers::UserNid};
use crate::Result;

/// The ways in which sessions begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionKind {
    /// By password, login token or registration.
    #[default]
    Legacy = 0,
    /// By an app password.
    AppPassword = 1,
    /// As a personal access token.
    PersonalToken = 2,
    /// By OAuth.
    OAuth = 3,
    /// By an application service.
    AppService = 4,
}

impl SessionKind {
    /// Sessions without a row are as old as time.
    pub(super) fn from_column(column: Option<i8>) -> Self {
        match column {
            None | Some(0) => Self::Legacy,
            Some(1) => Self::AppPassword,
            Some(2) => Self::PersonalToken,
            Some(3) => Self::OAuth,
            Some(_) => Self::AppService,
        }
    }
}

/// Notes how a device's session began, in place of an earlier one.
pub async fn upsert(
    conn: &mut Conn,
    user: UserNid,
    device_id: &DeviceId,
    kind: SessionKind,
    app_password_id: Option<&str>,
) -> Result<()> {
    sqlx::query!(
        "insert into session_origins (user_nid, device_id, kind, app_password_id) values (?, ?, ?, ?)
         on duplicate key update kind = values(kind), app_password_id = values(app_password_id)",
        user,
        device_id.as_str(),
        kind as i8,
        app_password_id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists a user's devices with how their sessions began.
pub async fn list(conn: &mut Conn, user: UserNid) -> Result<Vec<(OwnedDeviceId, SessionKind)>> {
    let rows = sqlx::query!(
        "select device_id as `device_id: DeviceIdColumn`, kind from session_origins where user_nid = ?",
        user
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.device_id.0, SessionKind::from_column(Some(row.kind)))).collect())
}

/// Lists the devices that an app password began the sessions of.
pub async fn list_of_app_password(conn: &mut Conn, user: UserNid, id: &str) -> Result<Vec<OwnedDeviceId>> {
    let rows = sqlx::query_scalar!(
        "select device_id as `device_id: DeviceIdColumn`
         from session_origins
         where user_nid = ? and app_password_id = ?",
        user,
        id
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|device| device.0).collect())
}

/// Forgets how a device's session began.
pub async fn delete(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<()> {
    sqlx::query!("delete from session_origins where user_nid = ? and device_id = ?", user, device_id.as_str())
        .execute(conn)
        .await?;
    Ok(())
}
