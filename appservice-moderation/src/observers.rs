//! Those who look at what happens in protected rooms, such as protections and policy lists.

use std::{fmt::Debug, sync::Arc};

use futures_util::future::BoxFuture;
use tracing::warn;

use crate::{Result, event::Event, rooms::Place};

/// Somebody who is told of every event in the rooms that the bot is in.
///
/// Each event comes once and in order, and again only if the process died while it was looked at:
/// what follows from an event must be the same then, which it is if [`Actions`](crate::actions::Actions)
/// do it with the event's ID as the cause.
pub trait Observer: Debug + Send + Sync {
    /// Its name in the log.
    fn name(&self) -> &'static str;

    /// Looks at an event. While it fails because something is away, the event comes again; any other
    /// failure is logged.
    fn observe<'a>(&'a self, event: &'a Event, place: &'a Place) -> BoxFuture<'a, Result<()>>;
}

/// All observers; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Observers(Arc<[Box<dyn Observer>]>);

impl Observers {
    /// These, in this order.
    pub fn new(all: Vec<Box<dyn Observer>>) -> Self {
        Self(all.into())
    }

    /// Tells all of them of an event.
    pub async fn tell(&self, event: &Event, place: &Place) -> Result<()> {
        for observer in self.0.iter() {
            match observer.observe(event, place).await {
                Err(fault) if fault.is_temporary() => return Err(fault),
                Err(fault) => {
                    let (name, room) = (observer.name(), &event.room_id);
                    warn!(observer = name, room.id = %room, error = %fault, "An observer failed at an event");
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }
}
