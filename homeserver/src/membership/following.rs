//! Lets rooms follow what becomes of their members' accounts: a new name or avatar, and the end of
//! the account.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use ruma::UserId;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Content, Memberships};
use crate::{
    Error, Result,
    accounts::{administration::Administration, profiles::ProfileChange},
    rooms::draft::Wish,
    storage::{
        accounts,
        numbers::{RoomNid, UserNid},
        people, profiles,
        rooms::Membership,
    },
    tasks::Tasks,
};

/// So many rooms of a user are changed at the same time.
const AT_ONCE: usize = 16;
/// So many users leave before it is looked who else has to.
const DEPARTURES: u32 = 100;
/// How long to rest when the database does not answer.
const REST: Duration = Duration::from_secs(2);

/// Waits for so long; until there is something to do, if nothing says how long.
async fn pause(rest: Option<Duration>, work: &Notify) {
    match rest {
        Some(rest) => tokio::time::sleep(rest).await,
        None => work.notified().await,
    }
}

impl Memberships {
    /// Does what was left undone when the server ended, and takes deactivated users out of their
    /// rooms as they come.
    pub fn start(&self, administration: &Administration, tasks: &Tasks) {
        let memberships = self.clone();
        tasks.start("profiles", move |stop| {
            let memberships = memberships.clone();
            async move { memberships.finish_profiles(stop).await }
        });
        let (memberships, administration) = (self.clone(), administration.clone());
        tasks.start("departures", move |stop| {
            let (memberships, administration) = (memberships.clone(), administration.clone());
            async move { memberships.see_off(&administration, stop).await }
        });
    }

    /// Lets the rooms of a user follow a change of their profile.
    pub async fn follow(&self, change: Option<ProfileChange>) {
        let Some(change) = change.filter(ProfileChange::concerns_rooms) else { return };
        if let Err(error) = self.show_profile(change.user).await {
            // The profile is changed all the same, and it is noted that the rooms are to follow.
            warn!(%error, "Some rooms do not show the new name or avatar of a member yet");
            self.unfinished.notify_one();
        }
    }

    /// Shows the newest profile of `user` in all rooms they are in, unless that was done already.
    /// Client-server API, "Profiles": name and avatar stand in the membership events too.
    async fn show_profile(&self, user: UserNid) -> Result<()> {
        // One change has to reach all rooms before the next one does.
        let _turn = self.turns.take(user).await;
        let user_id = self.storage.user_id(user).await?;
        loop {
            let mut conn = self.storage.conn().await?;
            let Some(changed_at) = people::find_profile_change(&mut conn, user).await? else { return Ok(()) };
            let profile = profiles::shown(&mut conn, user).await?;
            drop(conn);
            let rooms = self.rooms_where(user, |membership| membership == Membership::Join).await?;
            let profile = &profile;
            let user_id = &user_id;
            stream::iter(rooms)
                .map(|room| self.show_profile_in(room, user_id, profile))
                .buffer_unordered(AT_ONCE)
                .try_collect::<()>()
                .await?;
            people::delete_profile_change(&mut *self.storage.conn().await?, user, changed_at).await?;
        }
    }

    async fn show_profile_in(&self, room: RoomNid, user: &UserId, profile: &Content) -> Result<()> {
        let view = self.rooms.load(room).await?;
        let Some(present) = self.rooms.state_event(&view, "m.room.member", user.as_str()).await? else { return Ok(()) };
        let mut content: Content = present.content_as().unwrap_or_default();
        // What was true of the coming only.
        for key in ["displayname", "avatar_url", "reason", "is_direct", "third_party_invite"] {
            content.remove(key);
        }
        content.remove("join_authorised_via_users_server");
        content.extend(profile.clone());
        self.say(room, user, content).await
    }

    /// Says something of a user in a room on their own behalf, if the room allows it.
    async fn say(&self, room: RoomNid, user: &UserId, content: Content) -> Result<()> {
        let wish = Wish::state_of("m.room.member", user.as_str(), &content)?;
        match self.rooms.say(user, room, wish, None).await {
            Ok(_) | Err(Error::Refused { .. }) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    async fn rooms_where(&self, user: UserNid, is_meant: impl Fn(Membership) -> bool) -> Result<Vec<RoomNid>> {
        let rooms = self.rooms.residents().load(user).await?;
        Ok(rooms.iter().filter(|(_, residence)| is_meant(residence.membership)).map(|(room, _)| *room).collect())
    }

    /// Shows profiles in rooms where that was left undone.
    async fn finish_profiles(&self, stop: CancellationToken) {
        loop {
            let rest = match self.show_all_profiles().await {
                Ok(()) => None,
                Err(error) => {
                    warn!(%error, "Some rooms show old names of their members; it is tried again");
                    Some(REST)
                }
            };
            tokio::select! {
                () = pause(rest, &self.unfinished) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn show_all_profiles(&self) -> Result<()> {
        for user in people::list_profile_changes(&mut *self.storage.conn().await?).await? {
            self.show_profile(user).await?;
        }
        Ok(())
    }

    async fn see_off(&self, administration: &Administration, stop: CancellationToken) {
        loop {
            let rest = match self.see_off_some().await {
                Ok(0) => None,
                Ok(_) => Some(Duration::ZERO),
                Err(error) => {
                    warn!(%error, "A deactivated user could not be taken out of all rooms; it is tried again");
                    Some(REST)
                }
            };
            tokio::select! {
                () = pause(rest, administration.departures()) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Takes some deactivated users out of their rooms; returns how many.
    async fn see_off_some(&self) -> Result<usize> {
        let users = accounts::list_departures(&mut *self.storage.conn().await?, DEPARTURES).await?;
        for user in &users {
            self.leave_all(*user).await?;
            accounts::delete_departure(&mut *self.storage.conn().await?, *user).await?;
        }
        Ok(users.len())
    }

    /// Leaves all rooms of a user, and declines all invitations.
    async fn leave_all(&self, user: UserNid) -> Result<()> {
        let user_id = &self.storage.user_id(user).await?;
        let rooms = self
            .rooms_where(user, |membership| {
                matches!(membership, Membership::Join | Membership::Invite | Membership::Knock)
            })
            .await?;
        let leave = &Map::from_iter([("membership".to_owned(), Value::from("leave"))]);
        stream::iter(rooms)
            .map(|room| self.say(room, user_id, leave.clone()))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await
    }
}
