//! Accounts at identity providers that open accounts here, and people on their way to link or to use one.

use super::{Conn, codec::Text, numbers::UserNid, tokens::TokenHash};
use crate::{Error, Result};

/// An account at an identity provider that opens an account here.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `linked_identities`")]
pub struct IdentityRow {
    pub identity_hash: TokenHash,
    pub issuer: String,
    /// Encrypted.
    pub about: Vec<u8>,
    pub used_at: i64,
    pub created_at: i64,
}

/// What somebody goes to an identity provider for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To sign in.
    SignIn,
    /// To prove anew to be this user.
    Again(UserNid),
    /// To link the identity to the account of this user.
    Link(UserNid),
}

/// Somebody who was sent to an identity provider.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `identity_trips`")]
pub struct TripRow {
    pub provider_id: String,
    pub visitor_hash: TokenHash,
    pub purpose: Purpose,
    pub next: String,
    pub began_at: i64,
    pub expires_at: i64,
}

/// Somebody who chooses the name of a new account.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `identity_arrivals`")]
pub struct ArrivalRow {
    pub visitor_hash: TokenHash,
    /// Encrypted.
    pub person: Vec<u8>,
    pub next: String,
    pub expires_at: i64,
}

impl Purpose {
    fn columns(self) -> (i8, Option<UserNid>) {
        match self {
            Self::SignIn => (0, None),
            Self::Again(user) => (1, Some(user)),
            Self::Link(user) => (2, Some(user)),
        }
    }

    fn from_columns(purpose: i8, user: Option<i64>) -> Result<Self> {
        match (purpose, user.map(UserNid)) {
            (0, _) => Ok(Self::SignIn),
            (1, Some(user)) => Ok(Self::Again(user)),
            (2, Some(user)) => Ok(Self::Link(user)),
            _ => Err(Error::internal("the purpose of a way to an identity provider is not known")),
        }
    }
}

/// Links an identity to an account; a duplicate is an error that [`super::fault::is_duplicate`]
/// recognises.
pub async fn insert(conn: &mut Conn, user: UserNid, row: &IdentityRow) -> Result<()> {
    sqlx::query!(
        "insert into linked_identities (identity_hash, user_nid, issuer, about, used_at, created_at)
         values (?, ?, ?, ?, ?, ?)",
        row.identity_hash.as_slice(),
        user,
        row.issuer,
        row.about,
        row.used_at,
        row.created_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds whose account an identity opens.
pub async fn find_owner(conn: &mut Conn, identity_hash: &TokenHash) -> Result<Option<UserNid>> {
    let found =
        sqlx::query_scalar!("select user_nid from linked_identities where identity_hash = ?", identity_hash.as_slice());
    Ok(found.fetch_optional(conn).await?.map(UserNid))
}

/// Lists the identities that open a user's account, the oldest first.
pub async fn list(conn: &mut Conn, user: UserNid) -> Result<Vec<IdentityRow>> {
    let rows = sqlx::query!(
        "select identity_hash, issuer as `issuer: Text`, about, used_at, created_at
         from linked_identities
         where user_nid = ?
         order by created_at, identity_hash",
        user
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(IdentityRow {
                identity_hash: hash(row.identity_hash)?,
                issuer: row.issuer.0,
                about: row.about,
                used_at: row.used_at,
                created_at: row.created_at,
            })
        })
        .collect()
}

/// Notes that an identity was used, and what its provider says of it now.
pub async fn update_used(conn: &mut Conn, identity_hash: &TokenHash, about: &[u8], now_ms: i64) -> Result<()> {
    sqlx::query!(
        "update linked_identities set used_at = ?, about = ? where identity_hash = ?",
        now_ms,
        about,
        identity_hash.as_slice()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Unlinks an identity from a user's account; returns whether it was linked.
pub async fn delete(conn: &mut Conn, user: UserNid, identity_hash: &TokenHash) -> Result<bool> {
    let done = sqlx::query!(
        "delete from linked_identities where user_nid = ? and identity_hash = ?",
        user,
        identity_hash.as_slice()
    );
    Ok(done.execute(conn).await?.rows_affected() == 1)
}

/// Unlinks all identities from a user's account.
pub async fn delete_all(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query!("delete from linked_identities where user_nid = ?", user).execute(conn).await?;
    Ok(())
}

/// Notes that somebody is sent to an identity provider.
pub async fn insert_trip(conn: &mut Conn, state_hash: &TokenHash, row: &TripRow) -> Result<()> {
    let (purpose, user) = row.purpose.columns();
    sqlx::query!(
        "insert into identity_trips (state_hash, provider_id, visitor_hash, purpose, user_nid, next, began_at, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?)",
        state_hash.as_slice(),
        row.provider_id,
        row.visitor_hash.as_slice(),
        purpose,
        user,
        row.next,
        row.began_at,
        row.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds somebody who was sent to an identity provider, unless that is too long ago.
pub async fn find_trip(conn: &mut Conn, state_hash: &TokenHash, now_ms: i64) -> Result<Option<TripRow>> {
    let row = sqlx::query!(
        "select provider_id as `provider_id: Text`, visitor_hash, purpose, user_nid, next as `next: Text`, began_at,
                expires_at
         from identity_trips
         where state_hash = ? and expires_at > ?",
        state_hash.as_slice(),
        now_ms
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(TripRow {
            provider_id: row.provider_id.0,
            visitor_hash: hash(row.visitor_hash)?,
            purpose: Purpose::from_columns(row.purpose, row.user_nid)?,
            next: row.next.0,
            began_at: row.began_at,
            expires_at: row.expires_at,
        })
    })
    .transpose()
}

/// Notes that somebody is back; returns whether this is the first time.
pub async fn delete_trip(conn: &mut Conn, state_hash: &TokenHash) -> Result<bool> {
    let done = sqlx::query!("delete from identity_trips where state_hash = ?", state_hash.as_slice());
    Ok(done.execute(conn).await?.rows_affected() == 1)
}

/// Keeps what is known of somebody until there is an account.
pub async fn insert_arrival(conn: &mut Conn, arrival_hash: &TokenHash, row: &ArrivalRow) -> Result<()> {
    sqlx::query!(
        "insert into identity_arrivals (arrival_hash, visitor_hash, person, next, expires_at) values (?, ?, ?, ?, ?)",
        arrival_hash.as_slice(),
        row.visitor_hash.as_slice(),
        row.person,
        row.next,
        row.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds what is known of somebody, unless that took too long.
pub async fn find_arrival(conn: &mut Conn, arrival_hash: &TokenHash, now_ms: i64) -> Result<Option<ArrivalRow>> {
    let row = sqlx::query!(
        "select visitor_hash, person, next as `next: Text`, expires_at
         from identity_arrivals
         where arrival_hash = ? and expires_at > ?",
        arrival_hash.as_slice(),
        now_ms
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(ArrivalRow {
            visitor_hash: hash(row.visitor_hash)?,
            person: row.person,
            next: row.next.0,
            expires_at: row.expires_at,
        })
    })
    .transpose()
}

/// Deletes what is known of somebody; returns whether it was still there.
pub async fn delete_arrival(conn: &mut Conn, arrival_hash: &TokenHash) -> Result<bool> {
    let done = sqlx::query!("delete from identity_arrivals where arrival_hash = ?", arrival_hash.as_slice());
    Ok(done.execute(conn).await?.rows_affected() == 1)
}

/// Deletes ways and arrivals whose time is over; returns how many.
pub async fn delete_expired(conn: &mut Conn, now_ms: i64) -> Result<u64> {
    let trips = sqlx::query!("delete from identity_trips where expires_at < ? limit 1000", now_ms);
    let trips = trips.execute(&mut *conn).await?.rows_affected();
    let arrivals = sqlx::query!("delete from identity_arrivals where expires_at < ? limit 1000", now_ms);
    Ok(trips + arrivals.execute(conn).await?.rows_affected())
}

fn hash(column: Vec<u8>) -> Result<TokenHash> {
    column.try_into().map_err(|_| Error::internal("a hash of an identity has the wrong length"))
}
