//! The audit log. Rows are appended in one transaction at a time, whichever process it is of, and
//! never changed.

use sqlx::Arguments;

use super::{
    Conn,
    bulk::Insert,
    codec::{DeviceIdColumn, Text},
};
use crate::{Error, Result};

/// A keyed hash.
pub type Hash = [u8; 32];

/// A row of the log.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `audit_log`")]
pub struct AuditRow {
    pub seq: i64,
    pub at: i64,
    pub action: String,
    pub is_success: bool,
    pub role: String,
    pub actor: Option<String>,
    pub device_id: Option<String>,
    pub target: Option<String>,
    /// A JSON object.
    pub details: String,
    pub origin_digest: Option<Hash>,
    pub hash: Hash,
}

/// From where something was done.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `audit_origins`")]
pub struct OriginRow {
    pub seq: i64,
    pub sealed: Vec<u8>,
    pub address_hash: Hash,
    pub network_hash: Hash,
}

/// An end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of `audit_ends`")]
pub struct End {
    pub seq: i64,
    pub hash: Hash,
    pub mac: Option<Hash>,
}

/// The two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The row that was appended last.
    Newest,
    /// The row that was deleted last.
    Pruned,
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Pruned => "pruned",
        }
    }
}

/// Reads where the log ends, and keeps others from appending until the end of the transaction.
pub async fn lock_newest(conn: &mut Conn) -> Result<End> {
    let row = sqlx::query!("select seq, hash, mac from audit_ends where name = 'newest' for update");
    let row = row.fetch_one(conn).await?;
    Ok(End { seq: row.seq, hash: hash(row.hash)?, mac: row.mac.map(hash).transpose()? })
}

/// Reads an end of the log.
pub async fn end(conn: &mut Conn, which: Which) -> Result<End> {
    let row = sqlx::query!("select seq, hash, mac from audit_ends where name = ?", which.name());
    let row = row.fetch_one(conn).await?;
    Ok(End { seq: row.seq, hash: hash(row.hash)?, mac: row.mac.map(hash).transpose()? })
}

/// Notes where the log ends now.
pub async fn update_end(conn: &mut Conn, which: Which, end: &End) -> Result<()> {
    sqlx::query!(
        "update audit_ends set seq = ?, hash = ?, mac = ? where name = ?",
        end.seq,
        end.hash.as_slice(),
        end.mac.as_ref().map(Hash::as_slice),
        which.name()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Appends rows, and from where the acts were done.
pub async fn insert(conn: &mut Conn, rows: &[AuditRow], origins: &[OriginRow]) -> Result<()> {
    ROWS.run(&mut *conn, rows, |row, to| {
        to.add(row.seq)?;
        to.add(row.at)?;
        to.add(&row.action)?;
        to.add(row.is_success)?;
        to.add(&row.role)?;
        to.add(&row.actor)?;
        to.add(&row.device_id)?;
        to.add(&row.target)?;
        to.add(&row.details)?;
        to.add(row.origin_digest.as_ref().map(Hash::as_slice))?;
        to.add(row.hash.as_slice())
    })
    .await?;
    ORIGINS
        .run(conn, origins, |row, to| {
            to.add(row.seq)?;
            to.add(&row.sealed)?;
            to.add(row.address_hash.as_slice())?;
            to.add(row.network_hash.as_slice())
        })
        .await?;
    Ok(())
}

/// Lists at most `limit` rows after the one numbered `after`, each with its encrypted origin.
pub async fn list(conn: &mut Conn, after: i64, limit: u32) -> Result<Vec<(AuditRow, Option<Vec<u8>>)>> {
    let rows = sqlx::query!(
        "select audit_log.seq, at, action as `action: Text`, is_success as `is_success: bool`, role as `role: Text`,
                actor as `actor: Text`, device_id as `device_id: DeviceIdColumn`, target as `target: Text`,
                details as `details: Text`, origin_digest, hash, sealed as `sealed?`
         from audit_log
         left join audit_origins on audit_origins.seq = audit_log.seq
         where audit_log.seq > ?
         order by audit_log.seq
         limit ?",
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    let rows = rows.into_iter().map(|row| {
        let found = AuditRow {
            seq: row.seq,
            at: row.at,
            action: row.action.0,
            is_success: row.is_success,
            role: row.role.0,
            actor: row.actor.map(|actor| actor.0),
            device_id: row.device_id.map(|device| device.0.to_string()),
            target: row.target.map(|target| target.0),
            details: row.details.0,
            origin_digest: row.origin_digest.map(hash).transpose()?,
            hash: hash(row.hash)?,
        };
        Ok((found, row.sealed))
    });
    rows.collect()
}

/// Finds the number of the newest row that is older than `before`, in ms since the epoch.
pub async fn newest_before(conn: &mut Conn, before: i64) -> Result<Option<i64>> {
    let found = sqlx::query_scalar!("select max(seq) from audit_log where at < ?", before);
    Ok(found.fetch_one(conn).await?)
}

/// Finds the hash of a row.
pub async fn find_hash(conn: &mut Conn, seq: i64) -> Result<Option<Hash>> {
    let found = sqlx::query_scalar!("select hash from audit_log where seq = ?", seq).fetch_optional(conn).await?;
    found.map(hash).transpose()
}

/// Deletes the rows up to the one numbered `last`, with their origins.
pub async fn delete_until(conn: &mut Conn, last: i64) -> Result<()> {
    sqlx::query!("delete from audit_origins where seq <= ?", last).execute(&mut *conn).await?;
    sqlx::query!("delete from audit_log where seq <= ?", last).execute(conn).await?;
    Ok(())
}

/// Deletes from where acts were done, up to the row numbered `last`; returns how many there were.
pub async fn delete_origins_until(conn: &mut Conn, last: i64) -> Result<u64> {
    let done = sqlx::query!("delete from audit_origins where seq <= ? limit 1000", last).execute(conn).await?;
    Ok(done.rows_affected())
}

/// Deletes from where a user acted.
pub async fn delete_origins_of(conn: &mut Conn, actor: &str) -> Result<()> {
    sqlx::query!(
        "delete audit_origins
         from audit_log
         join audit_origins on audit_origins.seq = audit_log.seq
         where actor = ?",
        actor
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists the numbers of the newest rows that tell of a user, as the one who acts or whom it befell.
pub async fn list_of_user(conn: &mut Conn, user: &str, limit: u32) -> Result<Vec<i64>> {
    let found = sqlx::query_scalar!(
        "select seq as `seq!: i64` from (
            (select seq from audit_log where actor = ? order by seq desc limit ?)
            union
            (select seq from audit_log where target = ? order by seq desc limit ?)
         ) as of_user
         order by seq desc
         limit ?",
        user,
        limit,
        user,
        limit,
        limit
    );
    Ok(found.fetch_all(conn).await?)
}

const ROWS: Insert = Insert {
    head: "insert into audit_log (seq, at, action, is_success, role, actor, device_id, target, details, origin_digest,
                                  hash) values",
    columns: 11,
    tail: "",
};
const ORIGINS: Insert =
    Insert { head: "insert into audit_origins (seq, sealed, address_hash, network_hash) values", columns: 4, tail: "" };

fn hash(column: Vec<u8>) -> Result<Hash> {
    column.try_into().map_err(|_| Error::internal("a hash of the audit log has the wrong length"))
}
