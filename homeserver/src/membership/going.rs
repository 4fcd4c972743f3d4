//! Leaving rooms, and being made to.

use ruma::{OwnedEventId, RoomId, UserId};

use super::{Content, Memberships, because};
use crate::{
    Error, Result,
    accounts::User,
    error::ErrorKind,
    storage::{notice_rooms, numbers::RoomNid, rooms::Membership},
};

impl Memberships {
    /// `user` leaves a room, declines its invitation, or takes a knock back.
    pub async fn leave(&self, user: &User, room_id: &RoomId, reason: Option<String>) -> Result<()> {
        self.depart(user, room_id, because(reason)).await.map(drop)
    }

    pub(super) async fn depart(&self, user: &User, room_id: &RoomId, content: Content) -> Result<OwnedEventId> {
        let stranger = || Error::forbidden("You are not in this room.");
        let view = self.rooms.find(room_id).await?.ok_or_else(stranger)?;
        match self.member_event(&view, &user.id).await? {
            // Client-server API, "Server notices".
            Some((Membership::Invite, _)) if self.is_notice_room(user, view.nid).await? => {
                let message = "This is where the server tells you something: the invitation cannot be declined.";
                Err(Error::refused(ErrorKind::CannotLeaveServerNoticeRoom, message))
            }
            Some((Membership::Join | Membership::Invite | Membership::Knock, _)) => {
                self.send(user, &user.id, room_id, Membership::Leave, content).await
            }
            // Leaving twice is no mistake worth an error; it is one to leave without having come.
            Some((Membership::Leave, event)) => Ok(event),
            Some((Membership::Ban, _)) => Err(Error::forbidden("You are banned from this room.")),
            None => Err(stranger()),
        }
    }

    async fn is_notice_room(&self, user: &User, room: RoomNid) -> Result<bool> {
        Ok(notice_rooms::find(&mut *self.storage.conn().await?, user.nid).await? == Some(room))
    }

    /// `user` removes `target`, or takes their invitation back, or declines their knock.
    pub async fn kick(&self, user: &User, target: &UserId, room_id: &RoomId, reason: Option<String>) -> Result<()> {
        self.rooms.joined(user, room_id).await?;
        if self.present(room_id, target).await? == Some(Membership::Ban) {
            return Err(Error::forbidden("This user is banned from the room."));
        }
        self.let_go(user, target, room_id, because(reason)).await.map(drop)
    }

    /// `user` lets `target` come back.
    pub async fn unban(&self, user: &User, target: &UserId, room_id: &RoomId, reason: Option<String>) -> Result<()> {
        self.rooms.joined(user, room_id).await?;
        if self.present(room_id, target).await? != Some(Membership::Ban) {
            return Err(Error::forbidden("This user is not banned from the room."));
        }
        self.let_go(user, target, room_id, because(reason)).await.map(drop)
    }

    /// Makes somebody else leave: that is a kick or the end of a ban.
    pub(super) async fn let_go(
        &self,
        user: &User,
        target: &UserId,
        room_id: &RoomId,
        content: Content,
    ) -> Result<OwnedEventId> {
        self.rooms.joined(user, room_id).await?;
        match self.present(room_id, target).await? {
            Some(Membership::Leave) | None => Err(Error::forbidden("This user is not in the room.")),
            Some(_) => self.send(user, target, room_id, Membership::Leave, content).await,
        }
    }

    /// `user` keeps `target` out of the room from now on.
    pub async fn ban(&self, user: &User, target: &UserId, room_id: &RoomId, reason: Option<String>) -> Result<()> {
        self.keep_out(user, target, room_id, because(reason)).await.map(drop)
    }

    pub(super) async fn keep_out(
        &self,
        user: &User,
        target: &UserId,
        room_id: &RoomId,
        content: Content,
    ) -> Result<OwnedEventId> {
        self.rooms.joined(user, room_id).await?;
        self.send(user, target, room_id, Membership::Ban, content).await
    }
}
