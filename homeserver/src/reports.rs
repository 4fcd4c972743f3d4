//! Takes what users find inappropriate, for those who look after the server. Client-server API,
//! "Reporting Content".

use ruma::{EventId, RoomId, UserId};

use crate::{
    Error, Result,
    accounts::User,
    clock::Clock,
    rooms::Rooms,
    storage::{
        Storage, accounts,
        nids::Kind,
        numbers::UserNid,
        reports::{self, Report, Subject},
    },
};

/// The longest reason, in bytes.
const LONGEST_REASON: usize = 4096;

/// Reports by local users.
#[derive(Clone, Debug)]
pub struct Reports {
    storage: Storage,
    rooms: Rooms,
    clock: Clock,
}

impl Reports {
    /// Keeps reports in `storage`.
    pub fn new(storage: Storage, rooms: Rooms, clock: Clock) -> Self {
        Self { storage, rooms, clock }
    }

    /// Reports an event of a room that `reporter` is in.
    pub async fn event(&self, reporter: &User, room_id: &RoomId, id: &EventId, reason: String) -> Result<()> {
        let unknown = || Error::not_found("There is no such event, or you are not in its room.");
        let view = self.rooms.find(room_id).await?.filter(|view| view.is_joined(reporter.nid)).ok_or_else(unknown)?;
        let (visible, ..) = self.rooms.visible_event(reporter, room_id, id).await?;
        let mut content = String::new();
        visible.write(&mut content, self.clock.now_ms(), reporter, None, true);
        let (id, sender) = (id.to_owned(), visible.event.sender_nid);
        self.keep(reporter, Subject::Event { room: view.nid, id, sender, content }, reason).await
    }

    /// Reports a room, whether or not `reporter` is in it.
    pub async fn room(&self, reporter: &User, room_id: &RoomId, reason: String) -> Result<()> {
        let room = self.rooms.find_nid(room_id).await?;
        let room = room.ok_or_else(|| Error::not_found("This server does not know that room."))?;
        self.keep(reporter, Subject::Room(room), reason).await
    }

    /// Reports a user, whatever rooms they share with `reporter`.
    pub async fn user(&self, reporter: &User, user_id: &UserId, reason: String) -> Result<()> {
        let user = self.known(user_id).await?;
        let user = user.ok_or_else(|| Error::not_found("This server does not know that user."))?;
        self.keep(reporter, Subject::User(user), reason).await
    }

    /// A user with an account here, or of another server and seen before.
    async fn known(&self, user_id: &UserId) -> Result<Option<UserNid>> {
        if user_id.server_name() != self.rooms.server_name() {
            return self.storage.find_user_nid(user_id).await;
        }
        let account = accounts::find(&mut *self.storage.conn().await?, user_id).await?;
        Ok(account.map(|account| account.user))
    }

    async fn keep(&self, reporter: &User, subject: Subject, reason: String) -> Result<()> {
        if reason.len() > LONGEST_REASON {
            return Err(Error::too_large(format!("A reason has at most {LONGEST_REASON} bytes.")));
        }
        let mut conn = self.storage.conn().await?;
        let nid = self.storage.nids().take(&mut conn, Kind::Report, 1).await?;
        let report = Report { nid, reporter: reporter.nid, subject, reason, created_at: self.clock.now_ms() };
        reports::insert(&mut conn, &report).await
    }
}
