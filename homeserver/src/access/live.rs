//! The requests that are under way for long, so that a new rule reaches those it is about at once. Their
//! sessions stay: when the rule is lifted, all is as before.

use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    net::IpAddr,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use ruma::OwnedUserId;
use tokio::sync::oneshot;

use super::{Visitor, gates::Gates};
use crate::{Error, Result, storage::numbers::UserNid};

/// The requests under way; clones share them.
#[derive(Clone, Debug)]
pub struct Live(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    gates: Gates,
    seats: Mutex<HashMap<u64, Seat>>,
    next: AtomicU64,
}

/// A request that can be cut off.
#[derive(Debug)]
struct Seat {
    user: Option<(OwnedUserId, UserNid)>,
    address: Option<IpAddr>,
    cut: Option<oneshot::Sender<Error>>,
}

impl Seat {
    fn visitor(&self) -> Visitor<'_> {
        Visitor { user: self.user.as_ref().map(|(id, nid)| (&**id, *nid)), address: self.address }
    }
}

/// Who is connected, as far as they wait for something.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Who.
    pub user: Option<(OwnedUserId, UserNid)>,
    /// Where from.
    pub address: Option<IpAddr>,
}

impl Live {
    /// Nobody yet; `gates` say who is to be cut off.
    pub fn new(gates: Gates) -> Self {
        Self(Arc::new(Inner { gates, seats: Mutex::default(), next: AtomicU64::new(0) }))
    }

    /// Does `work` for `visitor`, unless a rule comes into force meanwhile that refuses it.
    pub async fn unless_cut<T>(&self, visitor: Visitor<'_>, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut work = pin!(work);
        // Much is done at once: for that nobody needs a seat.
        if let Poll::Ready(done) = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
            return done;
        }
        let (_seat, cut) = self.sit(visitor);
        // Seated before looking, so that no rule can slip through in between.
        if let Some(refusal) = self.0.gates.cut(&visitor) {
            return Err(refusal);
        }
        tokio::select! {
            done = work => done,
            Ok(refusal) = cut => Err(refusal),
        }
    }

    /// Cuts off those whom the rules now refuse; returns how many.
    pub async fn review(&self) -> Result<usize> {
        let users: Vec<UserNid> = self.list().into_iter().filter_map(|waiting| Some(waiting.user?.1)).collect();
        self.0.gates.prepare_cuts(users).await?;
        let mut count = 0;
        for seat in self.seats().values_mut() {
            let Some(refusal) = self.0.gates.cut(&seat.visitor()) else { continue };
            if let Some(cut) = seat.cut.take() {
                count += 1;
                // Whoever has left by themselves need not be told.
                let _ = cut.send(refusal);
            }
        }
        Ok(count)
    }

    /// Who waits.
    pub fn list(&self) -> Vec<Waiting> {
        let waiting = |seat: &Seat| Waiting { user: seat.user.clone(), address: seat.address };
        self.seats().values().map(waiting).collect()
    }

    fn sit(&self, visitor: Visitor<'_>) -> (Place<'_>, oneshot::Receiver<Error>) {
        let (cut, cut_off) = oneshot::channel();
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let user = visitor.user.map(|(id, nid)| (id.to_owned(), nid));
        self.seats().insert(number, Seat { user, address: visitor.address, cut: Some(cut) });
        (Place { live: self, number }, cut_off)
    }

    fn seats(&self) -> MutexGuard<'_, HashMap<u64, Seat>> {
        self.0.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A taken seat; leaving it is dropping it.
struct Place<'a> {
    live: &'a Live,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.live.seats().remove(&self.number);
    }
}
