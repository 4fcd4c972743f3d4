//! Turns events into rows that are chained by keyed hashes.

use serde_json::{Map, Value, json};

use super::writer::Pending;
use crate::{
    Error, Result, secrets,
    secrets::{Secrets, columns},
    storage::{
        Conn,
        audit::{self as rows, AuditRow, End, Hash, OriginRow, Which},
    },
};

/// What the hashes of the chain are made for.
const ROW: &str = "audit row";
const ORIGIN: &str = "audit origin";
const END: &str = "audit end";
/// Characters that keep equal origins from having equal digests.
const SALT: usize = 16;

/// Appends events, the newest last, in a transaction. Others wait until it ends.
pub(super) async fn append(tx: &mut Conn, secrets: &Secrets, events: &[Pending]) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let newest = rows::lock_newest(tx).await?;
    let (mut seq, mut hash) = (newest.seq, newest.hash);
    let (mut appended, mut origins) = (Vec::with_capacity(events.len()), Vec::new());
    for event in events {
        seq += 1;
        let (digest, origin) = origin(secrets, seq, event).unzip();
        let mut row = row(seq, event, digest);
        row.hash = row_hash(secrets, &hash, &row);
        hash = row.hash;
        appended.push(row);
        origins.extend(origin);
    }
    rows::insert(tx, &appended, &origins).await?;
    rows::update_end(tx, Which::Newest, &sign(secrets, Which::Newest, seq, hash)).await
}

fn row(seq: i64, pending: &Pending, origin_digest: Option<Hash>) -> AuditRow {
    let event = &pending.event;
    AuditRow {
        seq,
        at: pending.at_ms,
        action: event.name().to_owned(),
        is_success: event.is_success,
        role: event.actor.role.name().to_owned(),
        actor: event.actor.user_id.as_ref().map(ToString::to_string),
        device_id: event.actor.device_id.as_ref().map(ToString::to_string),
        target: event.target.as_ref().map(ToString::to_string),
        details: Value::Object(event.details.clone()).to_string(),
        origin_digest,
        hash: [0; secrets::HASH_LENGTH],
    }
}

/// From where it was done, encrypted, and the digest that stays when that is deleted.
fn origin(secrets: &Secrets, seq: i64, pending: &Pending) -> Option<(Hash, OriginRow)> {
    let event = &pending.event;
    let origin = event.actor.origin.as_ref()?;
    let mut members: Map<String, Value> = event.private.clone();
    members.insert("address".to_owned(), json!(origin.address.to_canonical().to_string()));
    if let Some(agent) = &origin.user_agent {
        members.insert("user_agent".to_owned(), json!(agent.as_ref()));
    }
    members.insert("salt".to_owned(), json!(secrets::identifier(SALT)));
    let plain = Value::Object(members).to_string();
    let sealed = secrets.seal(&columns::AUDIT_ORIGIN, &[&seq], plain.as_bytes());
    let row = OriginRow {
        seq,
        sealed,
        address_hash: secrets.hash_address(origin.address),
        network_hash: secrets.hash_network(origin.address),
    };
    Some((origin_digest(secrets, plain.as_bytes()), row))
}

/// The digest of an origin.
pub(super) fn origin_digest(secrets: &Secrets, plain: &[u8]) -> Hash {
    secrets.hash_bytes(ORIGIN, plain)
}

/// The hash of a row after the one with the hash `previous`: each part goes in with its length, so
/// that no two rows look the same.
pub(super) fn row_hash(secrets: &Secrets, previous: &Hash, row: &AuditRow) -> Hash {
    let mut message = previous.to_vec();
    let mut add = |part: Option<&[u8]>| {
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(part.unwrap_or_default());
    };
    add(Some(&row.seq.to_be_bytes()));
    add(Some(&row.at.to_be_bytes()));
    add(Some(row.action.as_bytes()));
    add(Some(&[u8::from(row.is_success)]));
    add(Some(row.role.as_bytes()));
    add(row.actor.as_deref().map(str::as_bytes));
    add(row.device_id.as_deref().map(str::as_bytes));
    add(row.target.as_deref().map(str::as_bytes));
    add(Some(row.details.as_bytes()));
    add(row.origin_digest.as_ref().map(Hash::as_slice));
    secrets.hash_bytes(ROW, &message)
}

/// An end of the log, with the proof that this server wrote it.
pub(super) fn sign(secrets: &Secrets, which: Which, seq: i64, hash: Hash) -> End {
    End { seq, hash, mac: Some(mac(secrets, which, seq, &hash)) }
}

/// Whether this server wrote that the log ends so. One to which nothing was ever appended, or from
/// which nothing was ever deleted, needs no proof: it ends at 0.
pub(super) fn is_genuine(secrets: &Secrets, which: Which, end: &End) -> bool {
    match end.mac {
        Some(found) => found == mac(secrets, which, end.seq, &end.hash),
        None => end.seq == 0 && end.hash == [0; secrets::HASH_LENGTH],
    }
}

fn mac(secrets: &Secrets, which: Which, seq: i64, hash: &Hash) -> Hash {
    secrets.hash_bytes(END, &[format!("{which:?} {seq} ").as_bytes(), hash].concat())
}

/// What an encrypted origin holds.
pub(super) fn open_origin(secrets: &Secrets, seq: i64, sealed: &[u8]) -> Result<(Hash, Map<String, Value>)> {
    let plain = secrets.open(&columns::AUDIT_ORIGIN, &[&seq], sealed)?;
    let mut members: Map<String, Value> = serde_json::from_slice(&plain)
        .map_err(|fault| Error::internal(format!("an origin in the audit log is unreadable: {fault}")))?;
    members.remove("salt");
    Ok((origin_digest(secrets, &plain), members))
}
