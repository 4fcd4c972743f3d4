//! `/sync` where nobody has to wait: with nothing new, and of everything for the first time.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Connection},
    listening::{Place, upload_filter},
    measure::{Row, Tally, measure},
    setting::Setting,
};

const IDLE_WORKERS: usize = 8;

/// Whose membership events an initial `/sync` has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Members {
    /// Those of all members.
    All,
    /// Those of people who said something in the timeline.
    Lazy,
}

/// Asking for news when there is none, in 15 rooms with 30 members.
pub async fn idle(setting: &mut Setting) -> Result<Vec<Row>> {
    let friends = setting.friends().await?;
    let mut places = Vec::new();
    for (mut connection, user) in setting.connections(IDLE_WORKERS).await?.into_iter().zip(&friends) {
        let place = Place::take(&mut connection, user).await?;
        places.push((place, connection));
    }
    let until = Instant::now() + setting.time;
    let workers = places.into_iter().map(|(place, mut connection)| async move {
        let mut tally = Tally::default();
        let path = place.path(0);
        while Instant::now() < until {
            tally.count(connection.get(place.token(), &path).await);
        }
        (tally, ())
    });
    Ok(vec![measure(&setting.server, "idle-sync", workers.collect()).await?.0])
}

/// The first `/sync` of a client, each by the next of 30 members of 15 rooms.
pub async fn initial(setting: &mut Setting, members: Members) -> Result<Vec<Row>> {
    let friends = setting.friends().await?;
    let mut connection = Connection::open(setting.address()).await?;
    let filter = json!({ "room": {
        "state": { "lazy_load_members": members == Members::Lazy },
        "timeline": { "limit": 20 },
    }});
    let mut requests = Vec::new();
    for user in &friends {
        let filter = upload_filter(&mut connection, user, &filter).await?;
        let path = format!("/_matrix/client/v3/sync?set_presence=offline&filter={filter}");
        requests.push((user.token.clone(), path));
    }
    let until = Instant::now() + setting.time;
    let worker = async move {
        let (mut tally, mut last) = (Tally::default(), None);
        for (token, path) in requests.iter().cycle() {
            if Instant::now() >= until {
                break;
            }
            last = tally.count(connection.get(token, path).await).or(last);
        }
        (tally, last)
    };
    let name = if members == Members::Lazy { "initial-sync-lazy" } else { "initial-sync-full" };
    let (mut row, last) = measure(&setting.server, name, vec![worker]).await?;
    if let Some(answer) = &last[0] {
        is_whole(answer, members).unwrap_or_else(|fault| row.tally.fault(format!("{fault:#}")));
    }
    Ok(vec![row])
}

/// 15 rooms with 20 messages each, and the members that were asked for.
fn is_whole(answer: &Answer, members: Members) -> Result<()> {
    let answer: Value = answer.json()?;
    let rooms: Vec<&Value> = answer["rooms"]["join"].as_object().into_iter().flat_map(|rooms| rooms.values()).collect();
    ensure!(rooms.len() == 15, "an initial sync had {} of 15 rooms", rooms.len());
    let count = |events: &Value, kind: &str| {
        events.as_array().into_iter().flatten().filter(|event| event["type"] == kind).count()
    };
    for room in rooms {
        let messages = count(&room["timeline"]["events"], "m.room.message");
        ensure!(messages == 20, "an initial sync had {messages} of 20 messages");
        let told = count(&room["state"]["events"], "m.room.member");
        let is_right = if members == Members::Lazy { (1..30).contains(&told) } else { told == 30 };
        ensure!(is_right, "an initial sync had {told} members");
    }
    Ok(())
}
