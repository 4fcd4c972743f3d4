//! Whom and what scenarios need before they begin: users, rooms with members, messages.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use crate::{
    client::{Connection, segment},
    memory::Moment,
    server::Server,
};

/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery staple";
/// Connections that prepare something at the same time.
const LANES: usize = 8;
/// Members of the large room.
pub const CROWD: usize = 1000;

/// A registered user with one session.
#[derive(Clone, Debug)]
pub struct User {
    /// The user ID.
    pub id: String,
    /// The session's access token.
    pub token: String,
}

/// The server, and what was prepared on it.
#[derive(Debug)]
pub struct Setting {
    /// The server.
    pub server: Server,
    /// How long a scenario that could go on for ever is measured.
    pub time: Duration,
    /// How many requests are to wait at the same time.
    pub parked: usize,
    /// Files that this process may have open.
    pub files: usize,
    /// What was in memory.
    pub moments: Vec<Moment>,
    /// Single figures.
    pub figures: Vec<(&'static str, u64)>,
    /// What readers have to know.
    pub notes: Vec<String>,
    crowd: Vec<User>,
    large_room: Option<String>,
    friends: Option<Vec<User>>,
    names: usize,
}

impl Setting {
    /// An empty server.
    pub fn new(server: Server, time: Duration, parked: usize, files: usize) -> Self {
        Self {
            server,
            time,
            parked,
            files,
            moments: Vec::new(),
            figures: Vec::new(),
            notes: Vec::new(),
            crowd: Vec::new(),
            large_room: None,
            friends: None,
            names: 0,
        }
    }

    /// Where the server is.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// A name that nobody and nothing has had.
    pub fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}-{}", self.names)
    }

    /// Connections, one for each worker.
    pub async fn connections(&self, count: usize) -> Result<Vec<Connection>> {
        try_join_all((0..count).map(|_| Connection::open(self.address()))).await
    }

    /// Users that may be in any rooms.
    pub async fn crowd(&mut self, count: usize) -> Result<Vec<User>> {
        let missing = count.saturating_sub(self.crowd.len());
        let more = self.newcomers(missing).await?;
        self.crowd.extend(more);
        Ok(self.crowd[..count].to_vec())
    }

    /// Users that are in no room.
    pub async fn newcomers(&mut self, count: usize) -> Result<Vec<User>> {
        let names: Vec<String> = (0..count).map(|_| self.name("user")).collect();
        lanes(self.address(), &names, async |connection, name| register(connection, name).await).await
    }

    /// A new room with these members, the first of whom made it.
    pub async fn room(&mut self, members: &[User]) -> Result<String> {
        let mut connection = Connection::open(self.address()).await?;
        let room = create_room(&mut connection, &members[0], "public_chat").await?;
        lanes(self.address(), &members[1..], async |connection, member| {
            connection.post(&member.token, &join_path(&room), &json!({})).await.map(drop)
        })
        .await?;
        Ok(room)
    }

    /// The large room, and its members.
    pub async fn large_room(&mut self) -> Result<(String, Vec<User>)> {
        let members = self.crowd(CROWD).await?;
        let room = match &self.large_room {
            Some(room) => room.clone(),
            None => self.room(&members).await?,
        };
        self.large_room = Some(room.clone());
        Ok((room, members))
    }

    /// 30 people who meet in 15 rooms and nowhere else, and have said 20 things in each.
    pub async fn friends(&mut self) -> Result<Vec<User>> {
        if let Some(friends) = &self.friends {
            return Ok(friends.clone());
        }
        let friends = self.newcomers(30).await?;
        for _ in 0..15 {
            let room = self.room(&friends).await?;
            let bodies: Vec<String> = (0..20).map(|number| format!("The {number}th of 20 things to say")).collect();
            self.talk(&room, &friends[0], &bodies).await?;
        }
        self.friends = Some(friends.clone());
        Ok(friends)
    }

    /// Has `sender` say these things in a room.
    pub async fn talk(&self, room: &str, sender: &User, bodies: &[String]) -> Result<()> {
        let things: Vec<(usize, &String)> = bodies.iter().enumerate().collect();
        let path = &send_path(room);
        lanes(self.address(), &things, async |connection, (number, body)| {
            connection.put(&sender.token, &format!("{path}/talk-{number}"), &message(body)).await.map(drop)
        })
        .await
        .map(drop)
    }
}

/// Does something for each item, for some at the same time; results are in the order of the items.
async fn lanes<T, R>(
    address: SocketAddr,
    items: &[T],
    work: impl AsyncFn(&mut Connection, &T) -> Result<R>,
) -> Result<Vec<R>> {
    let lane = async |first: usize| {
        let mut connection = Connection::open(address).await?;
        let mut results = Vec::new();
        for (index, item) in items.iter().enumerate().skip(first).step_by(LANES) {
            results.push((index, work(&mut connection, item).await?));
        }
        anyhow::Ok(results)
    };
    let results = try_join_all((0..LANES.min(items.len())).map(lane)).await.context("preparing a scenario")?;
    let mut results: Vec<(usize, R)> = results.into_iter().flatten().collect();
    results.sort_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

async fn register(connection: &mut Connection, name: &str) -> Result<User> {
    let body = json!({ "username": name, "password": PASSWORD, "auth": { "type": "m.login.dummy" } });
    let answer = connection.post("", "/_matrix/client/v3/register", &body).await?;
    user(&answer.json()?)
}

/// The user and the session that a registration answers.
pub fn user(answer: &Value) -> Result<User> {
    Ok(User { id: text(answer, "user_id")?, token: text(answer, "access_token")? })
}

/// Creates a room; returns its ID.
pub async fn create_room(connection: &mut Connection, creator: &User, preset: &str) -> Result<String> {
    let body = json!({ "preset": preset });
    let answer = connection.post(&creator.token, "/_matrix/client/v3/createRoom", &body).await?;
    text(&answer.json()?, "room_id")
}

/// What an answer says under a name.
pub fn text(answer: &Value, name: &str) -> Result<String> {
    answer[name].as_str().map(ToOwned::to_owned).with_context(|| format!("the answer has no {name}"))
}

/// Where a room is joined.
pub fn join_path(room: &str) -> String {
    format!("/_matrix/client/v3/rooms/{}/join", segment(room))
}

/// Where messages are sent to a room; a transaction ID has to follow.
pub fn send_path(room: &str) -> String {
    format!("/_matrix/client/v3/rooms/{}/send/m.room.message", segment(room))
}

/// The content of a message.
pub fn message(body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body })
}
