//! Reading rooms: pages of their history, and their members.

use std::{collections::HashMap, time::Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    client::{Connection, segment},
    measure::{Meter, Row, Tally, measure},
    setting::{CROWD, Setting, User, text},
};

const ROOMS: usize = 10;
const MESSAGES: usize = 1000;
const PAGE: usize = 100;
/// Enough to know what reading a whole room's members takes.
const MOST_READS: usize = 500;

/// Pages of 100 events, from the end of rooms with 1,000 messages to their beginning; then the same
/// once more.
pub async fn messages(setting: &mut Setting) -> Result<Vec<Row>> {
    let members = setting.crowd(2).await?;
    let bodies: Vec<String> = (0..MESSAGES).map(|number| format!("message {number} of {MESSAGES}")).collect();
    let mut rooms = Vec::new();
    for _ in 0..ROOMS {
        let room = setting.room(&members).await?;
        setting.talk(&room, &members[0], &bodies).await?;
        rooms.push(room);
    }
    let mut connection = Connection::open(setting.address()).await?;
    let mut rows = Vec::new();
    for name in ["messages-first", "messages-again"] {
        let meter = Meter::start(&setting.server)?;
        let mut tally = Tally::default();
        for room in &rooms {
            read(&mut connection, &members[1], room, &mut tally).await?;
        }
        rows.push(meter.stop(name, tally)?);
    }
    Ok(rows)
}

/// Reads one room; each of its messages has to come once.
async fn read(connection: &mut Connection, reader: &User, room: &str, tally: &mut Tally) -> Result<()> {
    let first = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit={PAGE}", segment(room));
    let (mut path, mut found) = (first.clone(), HashMap::<String, usize>::new());
    loop {
        let Some(answer) = tally.count(connection.get(&reader.token, &path).await) else { break };
        let page: Value = answer.json()?;
        for event in page["chunk"].as_array().context("a page has events")? {
            if event["type"] == "m.room.message" {
                *found.entry(text(&event["content"], "body")?).or_default() += 1;
            }
        }
        match page["end"].as_str() {
            Some(end) => path = format!("{first}&from={}", segment(end)),
            None => break,
        }
    }
    tally.check(MESSAGES.saturating_sub(found.len()), found.values().map(|times| times - 1).sum());
    Ok(())
}

/// The state of a room with 1,000 members.
pub async fn state(setting: &mut Setting) -> Result<Vec<Row>> {
    whole(setting, "state", |answer| {
        answer.as_array().into_iter().flatten().filter(|event| event["type"] == "m.room.member").count()
    })
    .await
}

/// The membership events of a room with 1,000 members.
pub async fn members(setting: &mut Setting) -> Result<Vec<Row>> {
    whole(setting, "members", |answer| answer["chunk"].as_array().map_or(0, Vec::len)).await
}

/// The names of 1,000 members of a room.
pub async fn joined_members(setting: &mut Setting) -> Result<Vec<Row>> {
    whole(setting, "joined_members", |answer| answer["joined"].as_object().map_or(0, serde_json::Map::len)).await
}

/// Asks for all of the large room again and again; `count` finds the members in an answer.
async fn whole(setting: &mut Setting, endpoint: &str, count: impl Fn(&Value) -> usize) -> Result<Vec<Row>> {
    let (room, members) = setting.large_room().await?;
    let mut connection = Connection::open(setting.address()).await?;
    let path = format!("/_matrix/client/v3/rooms/{}/{endpoint}", segment(&room));
    let token = members[0].token.clone();
    let until = Instant::now() + setting.time;
    let worker = async move {
        let (mut tally, mut last) = (Tally::default(), None);
        while tally.taken.len() < MOST_READS && Instant::now() < until {
            last = tally.count(connection.get(&token, &path).await).or(last);
        }
        (tally, last)
    };
    let (mut row, last) = measure(&setting.server, endpoint, vec![worker]).await?;
    let found = last[0].as_ref().map_or(Ok(0), |answer| answer.json().map(|answer| count(&answer)))?;
    row.tally.check(CROWD.saturating_sub(found), found.saturating_sub(CROWD));
    Ok(vec![row])
}
