//! What users reported, for tools that count reports: see [`numbered`].

use super::Moderation;
use crate::{
    Error, Result,
    accounts::User,
    storage::{
        overview::Page,
        reports::{
            self, StoredReport,
            numbered::{self, ReportFilter},
        },
    },
};

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// An event.
    Event,
    /// A user.
    User,
}

impl ReportKind {
    fn column(self) -> i8 {
        match self {
            Self::Event => reports::EVENT,
            Self::User => reports::USER,
        }
    }
}

impl Moderation {
    /// A page of the reports of a kind, and how many there are in all.
    pub async fn reports(
        &self,
        kind: ReportKind,
        filter: &ReportFilter,
        page: Page,
    ) -> Result<(Vec<StoredReport>, i64)> {
        let mut conn = self.conn().await?;
        let reports = numbered::list(&mut conn, kind.column(), filter, page).await?;
        Ok((reports, numbered::count(&mut conn, kind.column(), filter).await?))
    }

    /// One report.
    pub async fn report(&self, kind: ReportKind, nid: i64) -> Result<StoredReport> {
        let found = numbered::find(&mut *self.conn().await?, kind.column(), nid).await?;
        found.ok_or_else(|| Error::not_found("There is no such report."))
    }

    /// Puts a report away. It is kept for those who ask why something was done.
    pub async fn dismiss_report(&self, caller: &User, kind: ReportKind, nid: i64) -> Result<()> {
        self.report(kind, nid).await?;
        let event = Self::act(caller, "report.dismiss").detail("report", nid);
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                numbered::dismiss(&mut tx, nid, caller.nid, self.now_ms()).await?;
                self.note(&mut tx, &event).await?;
                Ok(tx.commit().await?)
            })
            .await
    }
}
