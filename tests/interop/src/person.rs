//! Somebody with a device that syncs all the time, and what they do in scenarios.

mod encryption;
mod messages;

pub use self::messages::{Seen, body};

use std::time::Duration;

use anyhow::{Context, Result, bail};
use matrix_sdk::{
    Client, LoopCtrl, Room, RoomMemberships,
    config::SyncSettings,
    ruma::{
        OwnedDeviceId, OwnedUserId, RoomId, UserId,
        api::client::{
            account::register,
            uiaa::{AuthData, Dummy, Password, UserIdentifier},
        },
    },
};
use tokio::{sync::watch, task::JoinHandle, time::Instant};

/// The password of everybody.
pub const PASSWORD: &str = "a long password";
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often to look for what comes without news from the server.
const PAUSE: Duration = Duration::from_millis(100);

/// A device and whose it is.
pub struct Person {
    /// The device, as the SDK has it.
    pub client: Client,
    /// Changes whenever news came from the server.
    news: watch::Receiver<u32>,
    syncing: JoinHandle<()>,
}

impl Drop for Person {
    fn drop(&mut self) {
        self.syncing.abort();
    }
}

impl Person {
    /// Registers.
    pub async fn register(url: &str, name: &str) -> Result<Self> {
        let client = Client::builder().homeserver_url(url).build().await?;
        let mut request = register::v3::Request::new();
        request.username = Some(name.to_owned());
        request.password = Some(PASSWORD.to_owned());
        // The first request learns what is needed, as that of any client.
        let refusal = client.matrix_auth().register(request.clone()).await.err().context("more is needed")?;
        let session = refusal.as_uiaa_response().context("it says what is needed")?.session.clone();
        let mut dummy = Dummy::new();
        dummy.session = session;
        request.auth = Some(AuthData::Dummy(dummy));
        client.matrix_auth().register(request).await?;
        Self::sync(client).await
    }

    /// Logs in with another device.
    pub async fn log_in(url: &str, id: &UserId) -> Result<Self> {
        let client = Client::builder().homeserver_url(url).build().await?;
        client.matrix_auth().login_username(id, PASSWORD).initial_device_display_name("Another").await?;
        Self::sync(client).await
    }

    /// Syncs once, and from then on until this is dropped.
    async fn sync(client: Client) -> Result<Self> {
        client.encryption().wait_for_e2ee_initialization_tasks().await;
        let first = client.sync_once(SyncSettings::default()).await?;
        let (count, news) = watch::channel(0);
        let settings = SyncSettings::default().timeout(Duration::from_secs(20)).token(first.next_batch);
        let syncing = tokio::spawn({
            let client = client.clone();
            async move {
                let told = |_| {
                    count.send_modify(|count| *count += 1);
                    std::future::ready(LoopCtrl::Continue)
                };
                // It ends when the device is logged out; whoever waits for news notices.
                let _ = client.sync_with_callback(settings, told).await;
            }
        });
        Ok(Self { client, news, syncing })
    }

    /// Whose device it is.
    pub fn id(&self) -> OwnedUserId {
        self.client.user_id().expect("people are logged in").to_owned()
    }

    /// Which device it is.
    pub fn device(&self) -> OwnedDeviceId {
        self.client.device_id().expect("people are logged in").to_owned()
    }

    /// A room they know of.
    pub fn room(&self, id: &RoomId) -> Result<Room> {
        self.client.get_room(id).with_context(|| format!("{} knows nothing of {id}", self.id()))
    }

    /// The password, for what needs it; `session` is what the server gave to the attempt without.
    pub fn proof(&self, session: Option<String>) -> AuthData {
        let mut password = Password::new(UserIdentifier::Matrix(self.id().into()), PASSWORD.to_owned());
        password.session = session;
        AuthData::Password(password)
    }

    /// Looks again and again, whenever there was news, until there is what was looked for.
    pub async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut news = self.news.clone();
        loop {
            news.borrow_and_update();
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if Instant::now() > deadline {
                bail!("{} waited in vain for {what}", self.id());
            }
            // Without a sync, nothing more comes by it; but the SDK works in the background too.
            let _ = tokio::time::timeout(PAUSE, news.changed()).await;
        }
    }

    /// Waits for an invitation and joins the room.
    pub async fn accept_invitation(&self, room: &RoomId) -> Result<()> {
        let invited = self.until("an invitation", async || Ok(self.client.get_room(room))).await?;
        Ok(invited.join().await?)
    }

    /// Waits until so many people are in a room.
    pub async fn until_joined(&self, room: &RoomId, count: usize) -> Result<()> {
        let all_are_in = async || {
            let Some(room) = self.client.get_room(room) else { return Ok(None) };
            Ok((room.members(RoomMemberships::JOIN).await?.len() == count).then_some(()))
        };
        self.until("everybody to be in the room", all_are_in).await
    }
}
