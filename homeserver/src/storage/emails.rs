//! E-mail addresses of users, and attempts to prove that one has them.

use sqlx::AssertSqlSafe;

use super::{Conn, bulk, codec::Text, numbers::UserNid};
use crate::{Error, Result};

/// A keyed hash.
pub type Hash = [u8; 32];

/// An e-mail address of a user.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `email_addresses`")]
pub struct EmailRow {
    pub address_hash: Hash,
    pub user: UserNid,
    /// Encrypted.
    pub address: Vec<u8>,
    pub language: String,
    pub validated_at: i64,
    pub added_at: i64,
}

/// An attempt to prove that one has an e-mail address.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `email_validations`")]
pub struct ValidationRow {
    pub sid: String,
    pub purpose: i8,
    pub client_secret_hash: Hash,
    pub address_hash: Hash,
    /// Encrypted.
    pub address: Vec<u8>,
    pub language: String,
    /// Encrypted.
    pub next_link: Option<Vec<u8>>,
    pub token_hash: Option<Hash>,
    pub send_attempt: i64,
    pub validated_at: Option<i64>,
    pub expires_at: i64,
}

/// Finds whose an address is.
pub async fn find_owner(conn: &mut Conn, address_hash: &Hash) -> Result<Option<UserNid>> {
    let found =
        sqlx::query_scalar!("select user_nid from email_addresses where address_hash = ?", address_hash.as_slice());
    Ok(found.fetch_optional(conn).await?.map(UserNid))
}

/// Lists the addresses of a user.
pub async fn list(conn: &mut Conn, user: UserNid) -> Result<Vec<EmailRow>> {
    let rows = sqlx::query!(
        "select address_hash, address, language as `language: Text`, validated_at, added_at
         from email_addresses
         where user_nid = ?
         order by added_at, address_hash",
        user
    )
    .fetch_all(conn)
    .await?;
    let rows = rows.into_iter().map(|row| {
        Ok(EmailRow {
            address_hash: hash(row.address_hash)?,
            user,
            address: row.address,
            language: row.language.0,
            validated_at: row.validated_at,
            added_at: row.added_at,
        })
    });
    rows.collect()
}

/// The addresses of several users: whose, their keyed hashes, and the addresses, encrypted.
pub async fn list_of(conn: &mut Conn, users: &[UserNid]) -> Result<Vec<(UserNid, Hash, Vec<u8>)>> {
    let mut found = Vec::new();
    for list in bulk::lists(users) {
        let sql = format!(
            "select user_nid, address_hash, address from email_addresses where user_nid in ({})",
            bulk::marks(list.len())
        );
        let mut query = sqlx::query_as::<_, (i64, Vec<u8>, Vec<u8>)>(AssertSqlSafe(sql));
        for user in &list {
            query = query.bind(user.0);
        }
        for (user, address_hash, address) in query.fetch_all(&mut *conn).await? {
            found.push((UserNid(user), hash(address_hash)?, address));
        }
    }
    Ok(found)
}

/// Gives an address to a user; returns whether nobody had it.
pub async fn insert(conn: &mut Conn, row: &EmailRow) -> Result<bool> {
    let done = sqlx::query!(
        "insert ignore into email_addresses (address_hash, user_nid, address, language, validated_at, added_at)
         values (?, ?, ?, ?, ?, ?)",
        row.address_hash.as_slice(),
        row.user,
        row.address,
        row.language,
        row.validated_at,
        row.added_at
    );
    Ok(done.execute(conn).await?.rows_affected() == 1)
}

/// Takes an address from a user; returns whether it was theirs.
pub async fn delete(conn: &mut Conn, user: UserNid, address_hash: &Hash) -> Result<bool> {
    let done = sqlx::query!(
        "delete from email_addresses where user_nid = ? and address_hash = ?",
        user,
        address_hash.as_slice()
    );
    Ok(done.execute(conn).await?.rows_affected() == 1)
}

/// Takes all addresses from a user.
pub async fn delete_all(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query!("delete from email_addresses where user_nid = ?", user).execute(conn).await?;
    Ok(())
}

/// Begins an attempt.
pub async fn insert_validation(conn: &mut Conn, row: &ValidationRow) -> Result<()> {
    sqlx::query!(
        "insert into email_validations (sid, purpose, client_secret_hash, address_hash, address, language, next_link,
                                        token_hash, send_attempt, validated_at, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, null, ?)",
        row.sid,
        row.purpose,
        row.client_secret_hash.as_slice(),
        row.address_hash.as_slice(),
        row.address,
        row.language,
        row.next_link,
        row.token_hash.as_ref().map(Hash::as_slice),
        row.send_attempt,
        row.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds the attempt of a client for a purpose and an address, and keeps others from changing it until
/// the end of the transaction.
pub async fn lock_attempt(
    conn: &mut Conn,
    client_secret_hash: &Hash,
    address_hash: &Hash,
    purpose: i8,
) -> Result<Option<(String, i64, i64)>> {
    let row = sqlx::query!(
        "select sid as `sid: Text`, send_attempt, expires_at
         from email_validations
         where client_secret_hash = ? and address_hash = ? and purpose = ?
         for update",
        client_secret_hash.as_slice(),
        address_hash.as_slice(),
        purpose
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.sid.0, row.send_attempt, row.expires_at)))
}

/// Deletes the attempt of a client for a purpose and an address.
pub async fn delete_attempt(
    conn: &mut Conn,
    client_secret_hash: &Hash,
    address_hash: &Hash,
    purpose: i8,
) -> Result<()> {
    sqlx::query!(
        "delete from email_validations where client_secret_hash = ? and address_hash = ? and purpose = ?",
        client_secret_hash.as_slice(),
        address_hash.as_slice(),
        purpose
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds an attempt that has not expired.
pub async fn find_validation(conn: &mut Conn, sid: &str, now_ms: i64) -> Result<Option<ValidationRow>> {
    let row = sqlx::query!(
        "select sid as `sid: Text`, purpose, client_secret_hash, address_hash, address, language as `language: Text`,
                next_link, token_hash, send_attempt, validated_at, expires_at
         from email_validations
         where sid = ? and expires_at > ?",
        sid,
        now_ms
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(ValidationRow {
            sid: row.sid.0,
            purpose: row.purpose,
            client_secret_hash: hash(row.client_secret_hash)?,
            address_hash: hash(row.address_hash)?,
            address: row.address,
            language: row.language.0,
            next_link: row.next_link,
            token_hash: row.token_hash.map(hash).transpose()?,
            send_attempt: row.send_attempt,
            validated_at: row.validated_at,
            expires_at: row.expires_at,
        })
    })
    .transpose()
}

/// Finds the `sid` of the attempt whose token this is, unless it has expired.
pub async fn find_by_token(conn: &mut Conn, token_hash: &Hash, now_ms: i64) -> Result<Option<String>> {
    let found = sqlx::query_scalar!(
        "select sid as `sid: Text` from email_validations where token_hash = ? and expires_at > ?",
        token_hash.as_slice(),
        now_ms
    );
    Ok(found.fetch_optional(conn).await?.map(|sid| sid.0))
}

/// Notes that the address of an attempt was proved.
pub async fn update_validated(conn: &mut Conn, sid: &str, now_ms: i64) -> Result<()> {
    sqlx::query!("update email_validations set validated_at = coalesce(validated_at, ?) where sid = ?", now_ms, sid)
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends an attempt; returns whether it was still there.
pub async fn delete_validation(conn: &mut Conn, sid: &str) -> Result<bool> {
    let done = sqlx::query!("delete from email_validations where sid = ?", sid).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes attempts whose time is over; returns how many.
pub async fn delete_expired(conn: &mut Conn, now_ms: i64) -> Result<u64> {
    let done =
        sqlx::query!("delete from email_validations where expires_at < ? limit 1000", now_ms).execute(conn).await?;
    Ok(done.rows_affected())
}

fn hash(column: Vec<u8>) -> Result<Hash> {
    column.try_into().map_err(|_| Error::internal("a hash of an e-mail address has the wrong length"))
}
