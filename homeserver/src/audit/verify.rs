//! Checks that the log is what was written: every row in its place, unchanged, up to the newest.
//!
//! Whoever can write the database but does not know the server's keys can only take away the newest
//! rows and put an older end in their place. Against that, an end that was noted elsewhere is an
//! [`Anchor`].

use std::str::FromStr;

use super::chain;
use crate::{
    Result, secrets,
    secrets::Secrets,
    storage::{
        Storage,
        audit::{self as rows, AuditRow, End, Hash, Which},
    },
};

/// Rows that are checked at a time.
const PAGE: u32 = 1000;

/// What was found.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Rows that were checked.
    pub rows: u64,
    /// The newest of them, to be noted elsewhere.
    pub newest: Anchor,
    /// What is wrong; nothing if the log is whole.
    pub finding: Option<Finding>,
}

/// What is wrong with the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The row was changed, or one before it was.
    Changed(i64),
    /// The row is missing.
    Missing(i64),
    /// From where the act of this row was done was changed.
    OriginChanged(i64),
    /// Nobody who knows the keys wrote that the log begins, or ends, where it does.
    EndForged,
    /// The row that was noted elsewhere is not there, or is another.
    NotAsNoted(i64),
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changed(seq) => write!(f, "row {seq}, or the one before it, is not what was written"),
            Self::Missing(seq) => write!(f, "row {seq} is missing"),
            Self::OriginChanged(seq) => write!(f, "the origin of row {seq} is not what was written"),
            Self::EndForged => write!(f, "an end of the log was not written by this server"),
            Self::NotAsNoted(seq) => write!(f, "row {seq} is not the one that was noted"),
        }
    }
}

/// A row of the log by number and hash, written `NUMBER:HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The number.
    pub seq: i64,
    /// The hash.
    pub hash: Hash,
}

impl std::fmt::Display for Anchor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seq, secrets::hex(&self.hash))
    }
}

impl FromStr for Anchor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = "this is written NUMBER:HASH, as `audit verify` tells it";
        let (seq, hex) = text.split_once(':').ok_or(malformed)?;
        let digits = |at: usize| hex.get(at * 2..at * 2 + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let mut hash = [0; secrets::HASH_LENGTH];
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = digits(at).ok_or(malformed)?;
        }
        let seq = seq.parse().map_err(|_| malformed)?;
        if hex.len() == 2 * secrets::HASH_LENGTH { Ok(Self { seq, hash }) } else { Err(malformed) }
    }
}

/// Checks all rows that are there now; `anchor` is one that must be among them, unless it is so old
/// that it was deleted.
pub(super) async fn run(storage: &Storage, secrets: &Secrets, anchor: Option<&Anchor>) -> Result<Verdict> {
    let mut conn = storage.conn().await?;
    let newest = rows::end(&mut conn, Which::Newest).await?;
    loop {
        let pruned = rows::end(&mut conn, Which::Pruned).await?;
        let mut check = Check { secrets, anchor, last: (pruned.seq, pruned.hash), rows: 0 };
        let mut finding = check.ends(&newest, &pruned);
        while finding.is_none() && check.last.0 < newest.seq {
            let page = rows::list(&mut conn, check.last.0, PAGE).await?;
            if page.is_empty() {
                finding = Some(Finding::Missing(check.last.0 + 1));
            }
            let page = page.into_iter().filter(|(row, _)| row.seq <= newest.seq);
            finding = page.fold(finding, |finding, (row, sealed)| finding.or_else(|| check.row(&row, sealed)));
        }
        // Old rows may have been deleted meanwhile: then it has to be looked at again.
        if finding.is_some() && rows::end(&mut conn, Which::Pruned).await? != pruned {
            continue;
        }
        let finding = finding.or_else(|| (check.last.1 != newest.hash).then_some(Finding::Changed(newest.seq)));
        let newest = Anchor { seq: newest.seq, hash: newest.hash };
        return Ok(Verdict { rows: check.rows, newest, finding });
    }
}

struct Check<'a> {
    secrets: &'a Secrets,
    anchor: Option<&'a Anchor>,
    last: (i64, Hash),
    rows: u64,
}

impl Check<'_> {
    fn ends(&self, newest: &End, pruned: &End) -> Option<Finding> {
        let are_genuine = chain::is_genuine(self.secrets, Which::Newest, newest)
            && chain::is_genuine(self.secrets, Which::Pruned, pruned);
        if !are_genuine || newest.seq < pruned.seq {
            return Some(Finding::EndForged);
        }
        let anchor = self.anchor?;
        let is_there = anchor.seq <= newest.seq && (anchor.seq != pruned.seq || anchor.hash == pruned.hash);
        (!is_there).then_some(Finding::NotAsNoted(anchor.seq))
    }

    fn row(&mut self, row: &AuditRow, sealed: Option<Vec<u8>>) -> Option<Finding> {
        let (last, previous) = self.last;
        if row.seq != last + 1 {
            return Some(Finding::Missing(last + 1));
        }
        if chain::row_hash(self.secrets, &previous, row) != row.hash {
            return Some(Finding::Changed(row.seq));
        }
        if self.anchor.is_some_and(|anchor| anchor.seq == row.seq && anchor.hash != row.hash) {
            return Some(Finding::NotAsNoted(row.seq));
        }
        if let Some(sealed) = sealed {
            let digest = chain::open_origin(self.secrets, row.seq, &sealed).ok().map(|(digest, _)| digest);
            if digest.is_none() || digest != row.origin_digest {
                return Some(Finding::OriginChanged(row.seq));
            }
        }
        self.last = (row.seq, row.hash);
        self.rows += 1;
        None
    }
}
