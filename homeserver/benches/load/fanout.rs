//! A message on its way to all members of a room, each of whom waits for it.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::{
    client::Connection,
    listening::{Arrived, Expected, Place, compare, send_one},
    measure::{Meter, Row, Tally},
    setting::{CROWD, Setting, User},
};

/// How long to wait for what is late.
const GRACE: Duration = Duration::from_secs(30);

/// One member sends `rate` messages a second, however long they take, and all members wait for
/// them. An operation is a message reaching one member.
pub async fn fanout(setting: &mut Setting, members: usize, rate: u32) -> Result<Vec<Row>> {
    let (room, users) = if members == CROWD {
        setting.large_room().await?
    } else {
        let users = setting.crowd(members).await?;
        (setting.room(&users).await?, users)
    };
    let mut places = Vec::new();
    for user in &users {
        let mut connection = Connection::open(setting.address()).await?;
        let place = Place::take(&mut connection, user).await?;
        places.push((place, connection));
    }

    let pause = Duration::from_secs(1) / rate;
    let count = usize::try_from(setting.time.as_nanos() / pause.as_nanos())?.max(1);
    let epoch = Instant::now();
    let expected = Expected { room, count, epoch, deadline: epoch + setting.time + GRACE };
    let listeners: JoinSet<_> =
        places.into_iter().map(|(place, connection)| place.listen(connection, expected.clone())).collect();
    setting.server.until_parked(members).await?;

    let meter = Meter::start(&setting.server)?;
    let mut tally = Tally::default();
    let told = say(setting, &users[0], &expected, pause, &mut tally).await?;
    let mut arrived = Vec::new();
    for (part, what) in listeners.join_all().await {
        tally.add(part);
        arrived.push(what);
    }
    compare(&told, &arrived, &mut tally);
    Ok(vec![meter.stop(format!("fanout-{members}"), tally)?])
}

/// Sends the messages at their times, without waiting for one before the next.
async fn say(
    setting: &Setting,
    sender: &User,
    expected: &Expected,
    pause: Duration,
    tally: &mut Tally,
) -> Result<Arrived> {
    let mut sending = JoinSet::new();
    let mut clock = tokio::time::interval(pause);
    for number in 0..expected.count {
        let mut connection = Connection::open(setting.address()).await?;
        let (sender, expected) = (sender.clone(), expected.clone());
        clock.tick().await;
        sending.spawn(async move { (number, send_one(&mut connection, &sender, &expected, number).await) });
    }
    let mut told = Arrived::new();
    for (number, outcome) in sending.join_all().await {
        match outcome {
            Ok(event_id) => {
                told.insert(number, event_id);
            }
            Err(fault) => tally.fault(format!("{fault:#}")),
        }
    }
    Ok(told)
}
