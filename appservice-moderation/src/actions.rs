//! Does what people and protections decide, once: every act is written down as a job of a case before it
//! is done, and taken back with it. Nothing else changes rooms, accounts or rules.

mod acl;
mod act;
mod lists;
mod perform;
mod worker;

use std::{sync::Arc, time::Duration};

use ruma::{OwnedRoomId, OwnedUserId, UserId};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

pub use self::{acl::Acl, act::Act};
use crate::{
    Error, Result,
    clock::Clock,
    ids,
    matrix::{Access, Bot},
    rooms::Rooms,
    storage::{self, Conn, Storage, cases, jobs},
    tasks::Tasks,
};
pub use storage::{
    cases::Case,
    jobs::{Job, State},
};

/// Letters and digits of a case's ID after its first two: 40 bits.
const CASE_LENGTH: usize = 8;
/// Most acts of one case.
const MOST_ACTS: usize = 20_000;

/// What is to be done for one reason. It can be kept until somebody confirms it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What it is about, in a few words.
    pub title: String,
    /// Why, for those who are hit.
    pub reason: Option<String>,
    /// The room that it concerns, if only one.
    pub room_id: Option<OwnedRoomId>,
    /// What is done, in this order.
    pub acts: Vec<Act>,
    /// After how long the acts that can be taken back are, in milliseconds.
    pub for_ms: Option<i64>,
}

impl Plan {
    /// The same as a case of one room, if it is one.
    #[must_use]
    pub fn in_room(self, room: Option<&OwnedRoomId>) -> Self {
        Self { room_id: room.cloned(), ..self }
    }
}

/// Who stands behind a case.
#[derive(Clone, Debug)]
pub struct Author {
    /// The person; the bot, if it was a protection.
    pub user_id: OwnedUserId,
    /// By what way: `operator`, `api`, `protection:flood`, `list:!room`.
    pub origin: String,
}

/// A case with all that belongs to it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The case.
    pub case: Case,
    /// Its jobs, in their order.
    pub jobs: Vec<Job>,
}

/// Carries out acts; clones share it.
#[derive(Clone, Debug)]
pub struct Actions {
    storage: Storage,
    clock: Clock,
    bot: Bot,
    access: Access,
    rooms: Rooms,
    signals: Arc<Signals>,
}

#[derive(Debug, Default)]
struct Signals {
    /// There is something to do.
    work: Notify,
    /// Something was finished.
    progress: Notify,
    /// Other policy lists are followed.
    lists: Notify,
}

impl Actions {
    /// Acts by `bot` and `access`, what was left undone at first.
    pub fn start(storage: Storage, clock: Clock, bot: Bot, access: Access, rooms: Rooms, tasks: &Tasks) -> Self {
        let actions = Self { storage, clock, bot, access, rooms, signals: Arc::default() };
        let worker = actions.clone();
        tasks.start("jobs", move |stop| worker.clone().work(stop));
        actions
    }

    /// The ID of the case that `cause` begins, whether or not it has.
    pub fn case_id(cause: &str) -> String {
        format!("c_{}", ids::derived(CASE_LENGTH, &["case", cause]))
    }

    /// The case that `cause` has begun, if it has.
    pub async fn begun(&self, cause: &str) -> Result<Option<String>> {
        let case_id = Self::case_id(cause);
        Ok(cases::find(&mut *self.storage.conn().await?, &case_id).await?.map(|case| case.case_id))
    }

    /// Writes down what is to be done, and begins. The same `cause` does it only once, whatever the plan
    /// says the second time; returns the case's ID.
    pub async fn open(&self, cause: &str, author: &Author, plan: &Plan) -> Result<String> {
        if plan.acts.len() > MOST_ACTS {
            return Err(Error::invalid("That is too much for one case."));
        }
        let now_ms = self.clock.now_ms();
        let case = Case {
            case_id: Self::case_id(cause),
            title: plan.title.chars().take(500).collect(),
            reason: plan.reason.as_ref().map(|reason| reason.chars().take(1000).collect()),
            author: author.user_id.clone(),
            origin: author.origin.clone(),
            room_id: plan.room_id.clone(),
            created_at: now_ms,
            undone_at: None,
            undone_by: None,
        };
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                if cases::insert(&mut tx, &case, cause).await? {
                    for (number, act) in (0..).zip(&plan.acts) {
                        self.write_down(&mut tx, &case, number, act, plan.for_ms).await?;
                    }
                }
                Ok(tx.commit().await?)
            })
            .await?;
        self.signals.work.notify_one();
        Ok(case.case_id)
    }

    /// Writes an act down, and when it ends by itself.
    async fn write_down(
        &self,
        conn: &mut Conn,
        case: &Case,
        number: i32,
        act: &Act,
        for_ms: Option<i64>,
    ) -> Result<()> {
        let now_ms = case.created_at;
        // Rules know themselves when they end.
        let ends_at = for_ms.filter(|_| act.is_reversible() && !act.ends_by_itself()).map(|length| now_ms + length);
        let act = match for_ms {
            Some(length) => act.clone().until(now_ms + length),
            None => act.clone(),
        };
        let act = act.of_case(&case.case_id, number);
        let job = act.job(&case.case_id, number, None, now_ms)?;
        jobs::insert(conn, &job, now_ms).await?;
        if let Some(ends_at) = ends_at {
            let end = Act::Reverse.job(&case.case_id, number, Some(&job.job_id), ends_at)?;
            jobs::insert(conn, &end, now_ms).await?;
        }
        Ok(())
    }

    /// Takes back all that a case did, what caused other things first; returns what cannot be taken back.
    /// A case that is undone stays so.
    pub async fn undo(&self, case_id: &str, by: &UserId) -> Result<Vec<Act>> {
        let now_ms = self.clock.now_ms();
        let account = self.account(case_id).await?;
        let mut acts = Vec::new();
        for job in account.jobs.iter().filter(|job| job.reverses.is_none()) {
            acts.push((job.clone(), Act::read(&job.act)?));
        }
        acts.sort_by_key(|(job, act)| (!act.is_cause(), std::cmp::Reverse(job.number)));
        let first = account.jobs.iter().map(|job| job.number).max().unwrap_or_default() + 1;
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                if cases::undo(&mut tx, case_id, by, now_ms).await? {
                    for (number, (job, act)) in (first..).zip(&acts) {
                        if jobs::cancel(&mut tx, &job.job_id, now_ms).await? || !act.is_reversible() {
                            continue;
                        }
                        let reversal = Act::Reverse.job(case_id, number, Some(&job.job_id), now_ms)?;
                        jobs::insert(&mut tx, &reversal, now_ms).await?;
                        jobs::hasten_reversal(&mut tx, &job.job_id, number, now_ms).await?;
                    }
                }
                Ok(tx.commit().await?)
            })
            .await?;
        self.signals.work.notify_one();
        let is_final = |(job, act): &(Job, Act)| job.state == State::Done && !act.is_reversible();
        Ok(acts.into_iter().filter(is_final).map(|(_, act)| act).collect())
    }

    /// Resolves when other policy lists are to be followed than before.
    pub async fn lists_changed(&self) {
        self.signals.lists.notified().await;
    }

    /// A case, and what became of its acts.
    pub async fn account(&self, case_id: &str) -> Result<Account> {
        let mut conn = self.storage.conn().await?;
        let case = cases::find(&mut conn, case_id).await?;
        let case = case.ok_or_else(|| Error::not_found(format!("There is no case {case_id}.")))?;
        let jobs = jobs::list(&mut conn, case_id).await?;
        Ok(Account { case, jobs })
    }

    /// The newest cases, those of one room or about one target only if these are given.
    pub async fn list(&self, about: About<'_>, limit: u32) -> Result<Vec<Case>> {
        let mut conn = self.storage.conn().await?;
        match about {
            About::Everything => cases::list(&mut conn, limit).await,
            About::Room(room) => cases::list_of_room(&mut conn, room, limit).await,
            About::Target(target) => cases::list_about(&mut conn, target, limit).await,
        }
    }

    /// Waits until everything of a case that is due is finished, or `patience` is at its end; says which.
    pub async fn settled(&self, case_id: &str, patience: Duration) -> Result<Account> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let progress = self.signals.progress.notified();
            let account = self.account(case_id).await?;
            if account.is_settled(self.clock.now_ms()) {
                return Ok(account);
            }
            if tokio::time::timeout_at(deadline, progress).await.is_err() {
                return self.account(case_id).await;
            }
        }
    }
}

/// What cases are looked for.
#[derive(Clone, Copy, Debug)]
pub enum About<'a> {
    /// All.
    Everything,
    /// Those of one room alone.
    Room(&'a str),
    /// Those with an act on somebody or something.
    Target(&'a str),
}

impl Account {
    /// Whether nothing is left to do now.
    pub fn is_settled(&self, now_ms: i64) -> bool {
        !self.jobs.iter().any(|job| job.state.is_open() && job.due_at <= now_ms && !job.waits_for_another())
    }

    /// When what was done ends by itself, if that is still to come.
    pub fn ends_at(&self, now_ms: i64) -> Option<i64> {
        let ends = self.jobs.iter().filter(|job| job.reverses.is_some() && job.state.is_open());
        ends.map(|job| job.due_at).filter(|at| *at > now_ms).max()
    }

    /// Whether something was done that can be taken back.
    pub fn can_be_undone(&self) -> bool {
        let is_reversible = |job: &Job| Act::read(&job.act).is_ok_and(|act| act.is_reversible());
        self.case.undone_at.is_none() && self.jobs.iter().any(|job| job.state == State::Done && is_reversible(job))
    }

    /// How many acts, without those that end others, are in a state.
    pub fn count(&self, state: State) -> usize {
        self.jobs.iter().filter(|job| job.reverses.is_none() && job.state == state).count()
    }
}

impl Job {
    /// Why it could not be done.
    pub fn refusal(&self) -> String {
        perform::Outcome::read(self.outcome.as_deref()).refusal.unwrap_or_default()
    }

    /// Whether it was put off because something is away.
    fn waits_for_another(&self) -> bool {
        self.attempts > 1
    }
}

impl Author {
    /// A person who commands in a room.
    pub fn operator(user: &UserId) -> Self {
        Self { user_id: user.to_owned(), origin: "operator".to_owned() }
    }
}
