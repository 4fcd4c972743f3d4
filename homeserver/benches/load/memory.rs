//! What the processes hold in memory, and what a request that waits for news adds to it.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use crate::{
    client::Connection,
    listening::{Arrived, Expected, Place, compare, send_one},
    measure::{Meter, Row, Tally},
    processes::Memory,
    server::Server,
    setting::Setting,
};

/// Files that the server, or this process, has open besides these connections.
const OTHER_FILES: usize = 1000;
/// Connections from one address, fewer than there are ports for outgoing connections.
pub const FROM_ONE_ADDRESS: usize = 4000;
/// The longest that opening all connections and one message to all may take.
pub const PATIENCE: Duration = Duration::from_secs(110);

/// The memory at some moment.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When that was.
    pub when: String,
    /// The server's.
    pub server: Memory,
    /// Its database's.
    pub database: Memory,
}

impl Moment {
    /// Now.
    pub fn now(server: &Server, when: impl Into<String>) -> Result<Self> {
        let (of_server, of_database) = server.memory()?;
        Ok(Self { when: when.into(), server: of_server, database: of_database })
    }
}

/// Ten thousand requests of the members of the large room wait for news; then there is a message.
pub async fn parked(setting: &mut Setting) -> Result<Vec<Row>> {
    let count = parkable(setting)?;
    let (room, users) = setting.large_room().await?;
    let mut connection = Connection::open(setting.address()).await?;
    let mut places = Vec::new();
    for user in &users {
        places.push(Place::take(&mut connection, user).await?);
    }

    let before = Moment::now(&setting.server, format!("before {count} requests wait"))?;
    let epoch = Instant::now();
    let expected = Expected { room, count: 1, epoch, deadline: epoch + PATIENCE };
    let mut listeners = JoinSet::new();
    for (index, place) in places.iter().cycle().take(count).enumerate() {
        let block = u8::try_from(index / FROM_ONE_ADDRESS)?;
        let source = IpAddr::V4(Ipv4Addr::new(127, 0, 1, block + 1));
        let connection = Connection::open_from(setting.address(), Some(source)).await?;
        listeners.spawn(place.clone().listen(connection, expected.clone()));
    }
    setting.server.until_parked(count).await?;
    let after = Moment::now(&setting.server, format!("while {count} requests wait"))?;
    let grown_kib = after.server.rss.saturating_sub(before.server.rss);
    setting
        .figures
        .push(("memory of a request that waits, with its connection, bytes", grown_kib * 1024 / count as u64));
    setting.moments.extend([before, after]);

    let meter = Meter::start(&setting.server)?;
    let mut tally = Tally::default();
    let told = match send_one(&mut connection, &users[0], &expected, 0).await {
        Ok(event_id) => Arrived::from([(0, event_id)]),
        Err(fault) => {
            tally.fault(format!("{fault:#}"));
            Arrived::new()
        }
    };
    let mut arrived = Vec::new();
    for (part, what) in listeners.join_all().await {
        tally.add(part);
        arrived.push(what);
    }
    compare(&told, &arrived, &mut tally);
    Ok(vec![meter.stop(format!("parked-{count}"), tally)?])
}

/// How many requests can wait at the same time.
pub fn parkable(setting: &mut Setting) -> Result<usize> {
    let wanted = setting.parked;
    let count = wanted.min(setting.files.saturating_sub(OTHER_FILES));
    ensure!(count > 0, "at most {} files may be open: raise the hard limit (ulimit -Hn)", setting.files);
    if count < wanted {
        setting.notes.push(format!(
            "Only {count} requests were parked instead of {wanted}, because at most {} files may be open: raise the \
             hard limit (`ulimit -Hn`).",
            setting.files
        ));
    }
    Ok(count)
}
