//! Where scenarios are played: at one server, with people whom no other scenario knows.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use anyhow::Result;
use matrix_sdk::ruma::{
    OwnedRoomId,
    api::client::room::create_room::v3::{Request, RoomPreset},
    events::{InitialStateEvent, room::encryption::RoomEncryptionEventContent},
};

use crate::person::Person;

/// A server, and how many people have been there.
#[derive(Clone)]
pub struct Stage {
    url: String,
    people: Arc<AtomicU32>,
}

impl Stage {
    /// At the server with this URL.
    pub fn at(url: String) -> Self {
        Self { url, people: Arc::default() }
    }

    /// Where the server is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Somebody new, whose name begins with `name`.
    pub async fn person(&self, name: &str) -> Result<Person> {
        let number = self.people.fetch_add(1, Ordering::Relaxed);
        Person::register(&self.url, &format!("{name}-{number}")).await
    }

    /// Several of them.
    pub async fn people<const N: usize>(&self, names: [&str; N]) -> Result<[Person; N]> {
        let mut people = Vec::with_capacity(N);
        for name in names {
            people.push(self.person(name).await?);
        }
        Ok(people.try_into().unwrap_or_else(|_| unreachable!("there are as many as names")))
    }

    /// A new device of somebody.
    pub async fn device(&self, of: &Person) -> Result<Person> {
        Person::log_in(&self.url, &of.id()).await
    }

    /// A room of the first with all the others.
    pub async fn room(&self, host: &Person, guests: &[&Person]) -> Result<OwnedRoomId> {
        self.room_as(Request::new(), host, guests).await
    }

    /// The same, encrypted.
    pub async fn encrypted_room(&self, host: &Person, guests: &[&Person]) -> Result<OwnedRoomId> {
        let mut request = Request::new();
        let encryption = RoomEncryptionEventContent::with_recommended_defaults();
        request.is_direct = guests.len() == 1;
        request.initial_state = vec![InitialStateEvent::with_empty_state_key(encryption).to_raw_any()];
        self.room_as(request, host, guests).await
    }

    async fn room_as(&self, mut request: Request, host: &Person, guests: &[&Person]) -> Result<OwnedRoomId> {
        request.preset = Some(RoomPreset::PrivateChat);
        request.invite = guests.iter().map(|guest| guest.id()).collect();
        let room = host.client.create_room(request).await?.room_id().to_owned();
        for guest in guests {
            guest.accept_invitation(&room).await?;
        }
        host.until_joined(&room, guests.len() + 1).await?;
        Ok(room)
    }
}
