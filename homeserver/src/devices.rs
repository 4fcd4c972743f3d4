//! The devices of local users, as their users see them.

use std::fmt::Display;

use ruma::{
    DeviceId, MilliSecondsSinceUnixEpoch, OwnedDeviceId, UInt,
    api::client::{device::Device, uiaa::AuthData},
};

use crate::{
    Error, Result,
    accounts::{
        Accounts, User,
        interactive_auth::{InteractiveAuth, Operation},
        sessions::{SessionRequest, Sessions, check_device_name},
    },
    clock::Clock,
    secrets::{Secrets, columns},
    storage::{Storage, devices as rows, numbers::UserNid},
};

/// Lists, renames and deletes devices.
#[derive(Clone, Debug)]
pub struct Devices {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    sessions: Sessions,
    interactive_auth: InteractiveAuth,
}

impl Devices {
    /// The devices of `accounts`.
    pub fn new(storage: Storage, secrets: Secrets, clock: Clock, accounts: &Accounts) -> Self {
        let sessions = accounts.sessions.clone();
        let interactive_auth = accounts.interactive_auth.clone();
        Self { storage, secrets, clock, sessions, interactive_auth }
    }

    /// All devices of a user, each with what the client called itself that last used it.
    pub async fn list_with_clients(&self, user: UserNid) -> Result<Vec<(Device, Option<String>)>> {
        let rows = rows::list(&mut *self.storage.conn().await?, user).await?;
        let with_client = |mut row: rows::Device| {
            let sealed = row.last_seen_user_agent.take();
            let device = self.device(user, row)?;
            let key: [&dyn Display; 2] = [&user.0, &device.device_id];
            let agent = sealed.map(|sealed| self.secrets.open_text(&columns::DEVICE_USER_AGENT, &key, &sealed));
            Ok((device, agent.transpose()?))
        };
        rows.into_iter().map(with_client).collect()
    }

    /// All devices of a user.
    pub async fn list(&self, user: UserNid) -> Result<Vec<Device>> {
        let rows = rows::list(&mut *self.storage.conn().await?, user).await?;
        rows.into_iter().map(|row| self.device(user, row)).collect()
    }

    /// One device of a user.
    pub async fn find(&self, user: UserNid, device_id: &DeviceId) -> Result<Device> {
        let row = rows::find(&mut *self.storage.conn().await?, user, device_id).await?;
        self.device(user, row.ok_or_else(unknown)?)
    }

    /// Renames a device of the caller, if a name is given. Where there is no such device, application
    /// services make one; tells whether that was so.
    pub async fn update(&self, caller: &User, device_id: OwnedDeviceId, name: Option<String>) -> Result<bool> {
        let found = rows::find(&mut *self.storage.conn().await?, caller.nid, &device_id).await?;
        if found.is_none() && caller.appservice.is_some() {
            self.create(caller.nid, device_id, name).await?;
            return Ok(true);
        }
        self.rename(caller.nid, &device_id, name.as_deref()).await?;
        Ok(false)
    }

    /// Makes a device without a session. Application service API, "Creating devices".
    pub async fn create(&self, user: UserNid, device_id: OwnedDeviceId, display_name: Option<String>) -> Result<()> {
        let request = SessionRequest { device_id: Some(device_id.clone()), display_name, ..SessionRequest::default() };
        request.check()?;
        let mut conn = self.storage.conn().await?;
        rows::insert(&mut conn, user, &device_id, request.display_name.as_deref(), self.clock.now_ms()).await?;
        drop(conn);
        self.sessions.announce(user).await
    }

    /// Renames a device of a user, if a name is given.
    pub async fn rename(&self, user: UserNid, device_id: &DeviceId, name: Option<&str>) -> Result<()> {
        let mut conn = self.storage.conn().await?;
        let device = rows::find(&mut conn, user, device_id).await?.ok_or_else(unknown)?;
        let Some(name) = name.filter(|name| device.display_name.as_deref() != Some(name)) else {
            return Ok(());
        };
        check_device_name(name)?;
        rows::update_name(&mut conn, user, device_id, name).await?;
        drop(conn);
        self.sessions.announce(user).await
    }

    /// Deletes one device after the caller has proved that it wants that.
    pub async fn delete(&self, caller: &User, auth: Option<&AuthData>, device_id: OwnedDeviceId) -> Result<()> {
        self.interactive_auth.require(caller, auth, Operation::DeleteDevice(&device_id)).await?;
        self.sessions.end(caller, caller.nid, &[device_id]).await
    }

    /// Deletes several devices after the caller has proved that it wants that.
    pub async fn delete_several(
        &self,
        caller: &User,
        auth: Option<&AuthData>,
        device_ids: &[OwnedDeviceId],
    ) -> Result<()> {
        self.interactive_auth.require(caller, auth, Operation::DeleteDevices(device_ids)).await?;
        self.sessions.end(caller, caller.nid, device_ids).await
    }

    /// Ends the caller's session.
    pub async fn logout(&self, caller: &User) -> Result<()> {
        match &caller.device_id {
            Some(device_id) => self.sessions.end(caller, caller.nid, std::slice::from_ref(device_id)).await,
            None => Ok(()),
        }
    }

    /// Ends all sessions of the caller.
    pub async fn logout_all(&self, caller: &User) -> Result<()> {
        self.sessions.end_all(caller, caller.nid, None).await
    }

    fn device(&self, user: UserNid, row: rows::Device) -> Result<Device> {
        let mut device = Device::new(row.device_id);
        if let Some(sealed) = row.last_seen_ip {
            let key: [&dyn Display; 2] = [&user.0, &device.device_id];
            device.last_seen_ip = Some(self.secrets.open_text(&columns::DEVICE_ADDRESS, &key, &sealed)?);
        }
        device.display_name = row.display_name;
        let milliseconds = |at: i64| MilliSecondsSinceUnixEpoch(UInt::new_saturating(at.unsigned_abs()));
        device.last_seen_ts = row.last_seen_at.map(milliseconds);
        Ok(device)
    }
}

fn unknown() -> Error {
    Error::not_found("There is no such device.")
}
