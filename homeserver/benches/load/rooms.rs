//! Creating rooms, and joining them as they grow.

use std::{collections::HashSet, time::Instant};

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    client::Connection,
    measure::{Meter, Row, Tally, measure},
    setting::{Setting, User, join_path},
};

const WORKERS: usize = 4;
/// Sizes that are measured, and how many rooms grow to each: small ones grow in no time.
const SIZES: [(usize, usize); 3] = [(10, 20), (100, 5), (1000, 1)];

/// Creating private rooms.
pub async fn create(setting: &mut Setting) -> Result<Vec<Row>> {
    let users = setting.crowd(WORKERS).await?;
    let connections = setting.connections(WORKERS).await?;
    let until = Instant::now() + setting.time;
    let workers = connections.into_iter().zip(users).map(|(mut connection, user)| async move {
        let (mut tally, mut rooms) = (Tally::default(), Vec::new());
        let body = json!({ "preset": "private_chat", "name": "A new room" });
        while Instant::now() < until {
            let answer = tally.count(connection.post(&user.token, "/_matrix/client/v3/createRoom", &body).await);
            rooms.extend(answer.and_then(|answer| answer.json::<Value>().ok()?["room_id"].as_str().map(str::to_owned)));
        }
        (tally, (user, rooms))
    });
    let (mut row, created) = measure(&setting.server, "create", workers.collect()).await?;
    for (user, rooms) in created {
        check_joined(setting, &user, &rooms, &mut row.tally).await?;
    }
    Ok(vec![row])
}

/// Each room that was created has to be there, once.
async fn check_joined(setting: &Setting, user: &User, rooms: &[String], tally: &mut Tally) -> Result<()> {
    let mut connection = Connection::open(setting.address()).await?;
    let answer: Value = connection.get(&user.token, "/_matrix/client/v3/joined_rooms").await?.json()?;
    let joined: HashSet<&str> =
        answer["joined_rooms"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let distinct: HashSet<&str> = rooms.iter().map(String::as_str).collect();
    tally.check(distinct.difference(&joined).count(), rooms.len() - distinct.len());
    Ok(())
}

/// People join a room one after another; what is measured is the last tenth of the joins that make
/// it as large as the name of the row says.
pub async fn join(setting: &mut Setting) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    for (size, count) in SIZES {
        let users = setting.crowd(size).await?;
        let mut whole = grow(setting, &users).await?;
        for _ in 1..count {
            whole.add(grow(setting, &users).await?);
        }
        rows.push(whole);
    }
    Ok(rows)
}

async fn grow(setting: &mut Setting, users: &[User]) -> Result<Row> {
    let size = users.len();
    let unmeasured = size - (size / 10).max(5);
    let room = setting.room(&users[..unmeasured]).await?;
    let path = join_path(&room);
    let mut connection = Connection::open(setting.address()).await?;
    let meter = Meter::start(&setting.server)?;
    let mut tally = Tally::default();
    for user in &users[unmeasured..] {
        tally.count(connection.post(&user.token, &path, &json!({})).await);
    }
    meter.stop(format!("join-{size}"), tally)
}
