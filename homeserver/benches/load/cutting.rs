//! A ban of a network while many requests wait: those from there are to be refused within a second, all
//! others are to notice nothing, and when the ban is lifted everything is as before.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    client::Connection,
    listening::{Expected, Place, send_one},
    measure::{Meter, Row, Tally, measure},
    memory::{FROM_ONE_ADDRESS, PATIENCE, parkable},
    server::Server,
    setting::{CROWD, Setting, User},
};

/// One user in so many comes from the network that is banned.
const HIT: usize = 5;
/// The network that is banned.
const BANNED: &str = "127.0.2.0/24";
/// How long it may take until the last of them is refused.
const LONGEST: Duration = Duration::from_secs(1);
const RULE: &str = "/_salon/access/v1/rules/ban";

/// What came of a request that waited.
type Waited = Result<(StatusCode, Value, Instant)>;

/// Bans the network of a fifth of those who wait. Its first row is about those who are cut off, from just
/// before the rule is asked for until the last byte of the refusal; its second about the others, who get a
/// message after that; its third about those who come back.
pub async fn cut_off(setting: &mut Setting) -> Result<Vec<Row>> {
    let count = parkable(setting)?;
    let (room, users) = if count < CROWD {
        let users = setting.crowd(count).await?;
        (setting.room(&users).await?, users)
    } else {
        setting.large_room().await?
    };
    let root = administrator(setting).await?;
    let mut connection = Connection::open(setting.address()).await?;
    let mut places = Vec::new();
    for user in &users {
        places.push(Place::take(&mut connection, user).await?);
    }

    let epoch = Instant::now();
    let expected = Expected { room, count: 1, epoch, deadline: epoch + PATIENCE };
    let (mut hit, mut others) = (JoinSet::new(), JoinSet::new());
    for index in 0..count {
        let (place, source) = (places[index % places.len()].clone(), source(index));
        let connection = Connection::open_from(setting.address(), Some(source)).await?;
        if is_hit(index) {
            hit.spawn(place.wait(connection));
        } else {
            others.spawn(place.wait(connection));
        }
    }
    setting.server.until_parked(count).await?;

    let meter = Meter::start(&setting.server)?;
    let started = Instant::now();
    let rule = json!({ "kind": "network", "value": BANNED, "scope": "server", "effect": "deny" });
    connection.put(&root.token, RULE, &rule).await?;
    let cut = refusals(hit.join_all().await, started);
    let longest = cut.taken.iter().max().copied().unwrap_or_default();
    let mut rows = vec![meter.stop(format!("cut-off-{}-of-{count}", cut.taken.len()), cut)?];
    if longest > LONGEST && !cfg!(debug_assertions) {
        rows[0].tally.fault(format!("the last was cut off after {} ms", longest.as_millis()));
    }
    setting.figures.push(("time until a ban had cut off the last request, ms", u64::try_from(longest.as_millis())?));

    rows.push(spare(&setting.server, &mut connection, &users[1], &expected, others).await?);
    connection.exchange(Method::DELETE, &root.token, RULE, None).await?;
    rows.push(come_back(setting, &places).await?);
    Ok(rows)
}

/// Whoever has this number comes from the network that is banned. All connections of a user do, or none.
fn is_hit(index: usize) -> bool {
    index.is_multiple_of(HIT)
}

/// The address from which a request with this number comes. No address of this machine is that of
/// nearly all: the server would take it for a proxy's.
fn source(index: usize) -> IpAddr {
    let block = u8::try_from(index / FROM_ONE_ADDRESS).unwrap_or(u8::MAX);
    let network = if is_hit(index) { 2 } else { 3 + u8::try_from(index % HIT).unwrap_or_default() };
    Ipv4Addr::new(127, 0, network, block + 1).into()
}

/// Somebody who may write rules.
async fn administrator(setting: &mut Setting) -> Result<User> {
    let root = setting.newcomers(1).await?.remove(0);
    setting.server.make_admin(&root.id)?;
    let mut connection = Connection::open(setting.address()).await?;
    let deadline = Instant::now() + Duration::from_secs(10);
    // The running server learns of it within some seconds.
    while connection.get(&root.token, "/_salon/access/v1/status").await.is_err() {
        ensure!(Instant::now() < deadline, "{} did not become an administrator", root.id);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(root)
}

/// Checks that all were refused as they should be; times run from `started`.
fn refusals(outcomes: Vec<Waited>, started: Instant) -> Tally {
    let mut tally = Tally::default();
    for outcome in outcomes {
        match outcome {
            Ok((StatusCode::FORBIDDEN, told, at)) if told["errcode"] == "M_FORBIDDEN" && at >= started => {
                tally.taken.push(at - started);
            }
            Ok((StatusCode::FORBIDDEN, ..)) => tally.fault("somebody was cut off too early, or by another error"),
            Ok((status, ..)) => tally.fault(format!("somebody who was to be cut off was answered {status}")),
            Err(fault) => tally.fault(format!("{fault:#}")),
        }
    }
    tally
}

/// Sends a message to those who were spared. Whoever was woken before has an answer without it.
async fn spare(
    server: &Server,
    connection: &mut Connection,
    sender: &User,
    expected: &Expected,
    others: JoinSet<Waited>,
) -> Result<Row> {
    let (meter, mut tally, mut lost) = (Meter::start(server)?, Tally::default(), 0);
    let count = others.len();
    let sent = Instant::now();
    let event_id = send_one(connection, sender, expected, 0).await?;
    for outcome in others.join_all().await {
        match outcome {
            Ok((StatusCode::OK, news, at)) => {
                let timeline = &news["rooms"]["join"][&expected.room]["timeline"]["events"];
                let has_come = timeline.as_array().into_iter().flatten().any(|event| event["event_id"] == *event_id);
                if has_come {
                    tally.taken.push(at.saturating_duration_since(sent));
                } else {
                    lost += 1;
                    tally.fault("somebody was woken who was not meant");
                }
            }
            Ok((status, ..)) => tally.fault(format!("somebody who was to be spared was answered {status}")),
            Err(fault) => tally.fault(format!("{fault:#}")),
        }
    }
    tally.check(lost, 0);
    meter.stop(format!("spared-{count}"), tally)
}

/// Those who were cut off use the same sessions again, from where they were, and get what they missed.
async fn come_back(setting: &Setting, places: &[Place]) -> Result<Row> {
    let mut workers = Vec::new();
    for (index, place) in places.iter().enumerate().filter(|(index, _)| is_hit(*index)) {
        let mut connection = Connection::open_from(setting.address(), Some(source(index))).await?;
        let place = place.clone();
        workers.push(async move {
            let mut tally = Tally::default();
            let answer = tally.count(connection.get(place.token(), &place.path(0)).await);
            let news: Value = answer.and_then(|answer| answer.json().ok()).unwrap_or_default();
            let has_news = news["rooms"]["join"].as_object().is_some_and(|rooms| !rooms.is_empty());
            tally.check(usize::from(!has_news), 0);
            (tally, ())
        });
    }
    Ok(measure(&setting.server, "back-after-the-ban", workers).await?.0)
}
