//! Reads what the homeserver tells of itself: the security feed, and what users report. Where it has come to is
//! kept, so that nothing is read twice and nothing is missed.

use std::{sync::PoisonError, time::Duration};

use ruma::{OwnedEventId, OwnedRoomId, UserId};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Guard;
use crate::{
    Result,
    matrix::{FeedEvent, FeedReport},
    protections::{detectors::Report, standing::Standing},
    storage::{protections as rows, settings},
};

/// The settings that hold how far the feeds were read.
const EVENTS: &str = "feed_of_events";
const REPORTS: &str = "feed_of_reports";
/// How often it is looked whether there is something new.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long accounts are new to anybody.
const NEW_MS: i64 = 366 * 24 * 3_600_000;
/// What is older is noted, but nothing comes of it.
const STALE_MS: i64 = 3_600_000;

impl Guard {
    /// Reads the feeds again and again.
    pub(super) async fn follow_feeds(self, stop: CancellationToken) {
        loop {
            let read = tokio::select! {
                read = self.read_feeds() => read,
                () = stop.cancelled() => return,
            };
            if let Err(fault) = read {
                debug!(error = %fault, "The feeds of the homeserver wait");
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Reads what is new.
    pub async fn read_feeds(&self) -> Result<()> {
        let _reading = self.state.feeds.lock().await;
        self.read_events().await?;
        self.read_reports().await
    }

    async fn read_events(&self) -> Result<()> {
        loop {
            let after = self.cursor(EVENTS).await?.and_then(|text| text.parse().ok()).unwrap_or_default();
            let page = self.parts.access.events(after).await?;
            for event in &page {
                self.note(event).await?;
            }
            let Some(last) = page.last() else { break };
            self.advance(EVENTS, &last.seq.to_string()).await?;
        }
        let before = self.parts.clock.now_ms() - NEW_MS;
        rows::delete_accounts(&mut *self.parts.storage.conn().await?, before).await
    }

    async fn note(&self, event: &FeedEvent) -> Result<()> {
        let target = event.target.as_deref().filter(|_| event.action == "user_created");
        let Some(user) = target.and_then(|user| UserId::parse(user).ok()) else { return Ok(()) };
        rows::insert_account(&mut *self.parts.storage.conn().await?, &user, event.at).await?;
        // Whom administrators and programs make accounts for, they know.
        let is_by_themselves = event.role == "anonymous" || event.role == "user";
        let Some(network) = event.network.as_ref().filter(|_| is_by_themselves) else { return Ok(()) };
        if self.parts.clock.now_ms() - event.at > STALE_MS {
            return Ok(());
        }
        let chosen = self.chosen();
        let found = {
            let mut detectors = self.state.detectors.lock().unwrap_or_else(PoisonError::into_inner);
            detectors.registered(&user, network, event.at, chosen.everywhere())
        };
        match found {
            Some(finding) => self.respond(&finding, chosen.everywhere()).await,
            None => Ok(()),
        }
    }

    async fn read_reports(&self) -> Result<()> {
        loop {
            let after = self.cursor(REPORTS).await?;
            let (page, next) = self.parts.access.reports(after.as_deref()).await?;
            for report in page {
                self.weigh(report).await?;
            }
            let Some(next) = next else { return Ok(()) };
            self.advance(REPORTS, &next).await?;
        }
    }

    /// Looks at a report of a message in a room that is looked after.
    async fn weigh(&self, report: FeedReport) -> Result<()> {
        let parsed = || {
            Some(Report {
                reporter: UserId::parse(report.reporter?).ok()?,
                room: OwnedRoomId::try_from(report.room_id?).ok()?,
                event: OwnedEventId::try_from(report.event_id?).ok()?,
                sender: UserId::parse(report.user_id?).ok()?,
                at: report.created_at,
            })
        };
        let Some(report) = parsed() else { return Ok(()) };
        let is_protected = self.parts.rooms.protected().await?.contains(&report.room);
        let chosen = self.chosen();
        let within_s = i64::try_from(chosen.everywhere().trusted_reporters.within_s).unwrap_or(i64::MAX);
        if !is_protected || self.parts.clock.now_ms() - report.at > within_s.saturating_mul(1000) {
            return Ok(());
        }
        let standing: Standing = self.standing(&report.room, &report.sender, chosen.everywhere()).await?;
        let found = {
            let mut detectors = self.state.detectors.lock().unwrap_or_else(PoisonError::into_inner);
            detectors.reported(&report, &standing, chosen.everywhere())
        };
        match found {
            Some(finding) => self.respond(&finding, chosen.everywhere()).await,
            None => Ok(()),
        }
    }

    async fn cursor(&self, name: &str) -> Result<Option<String>> {
        let stored = settings::find(&mut *self.parts.storage.conn().await?, name).await?;
        Ok(stored.and_then(|stored| String::from_utf8(stored).ok()))
    }

    async fn advance(&self, name: &str, to: &str) -> Result<()> {
        let now_ms = self.parts.clock.now_ms();
        settings::put(&mut *self.parts.storage.conn().await?, name, to.as_bytes(), now_ms).await
    }
}
