//! Access rules, and the generation that counts their changes.

use super::{Conn, codec::Text};
use crate::Result;

/// A rule.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `access_rules`")]
pub struct RuleRow {
    pub rule_id: String,
    pub version: i32,
    pub kind: i8,
    pub value: String,
    pub value_hash: Option<Vec<u8>>,
    /// Encrypted.
    pub sealed: Option<Vec<u8>>,
    pub scope: String,
    pub effect: i8,
    pub limit_count: Option<i32>,
    pub limit_per_ms: Option<i64>,
    pub public_reason: Option<String>,
    pub private_reason: Option<String>,
    pub author: String,
    pub case_id: Option<String>,
    pub origin: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
    pub revoked_by: Option<String>,
    pub match_count: i64,
    pub last_match_at: Option<i64>,
}

struct Columns {
    rule_id: Text,
    version: i32,
    kind: i8,
    value: Text,
    value_hash: Option<Vec<u8>>,
    sealed: Option<Vec<u8>>,
    scope: Text,
    effect: i8,
    limit_count: Option<i32>,
    limit_per_ms: Option<i64>,
    public_reason: Option<Text>,
    private_reason: Option<Text>,
    author: Text,
    case_id: Option<Text>,
    origin: Text,
    created_at: i64,
    updated_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    revoked_by: Option<Text>,
    match_count: i64,
    last_match_at: Option<i64>,
}

impl From<Columns> for RuleRow {
    fn from(row: Columns) -> Self {
        let text = |column: Option<Text>| column.map(|text| text.0);
        Self {
            rule_id: row.rule_id.0,
            version: row.version,
            kind: row.kind,
            value: row.value.0,
            value_hash: row.value_hash,
            sealed: row.sealed,
            scope: row.scope.0,
            effect: row.effect,
            limit_count: row.limit_count,
            limit_per_ms: row.limit_per_ms,
            public_reason: text(row.public_reason),
            private_reason: text(row.private_reason),
            author: row.author.0,
            case_id: text(row.case_id),
            origin: row.origin.0,
            created_at: row.created_at,
            updated_at: row.updated_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            revoked_by: text(row.revoked_by),
            match_count: row.match_count,
            last_match_at: row.last_match_at,
        }
    }
}

/// Reads the generation.
pub async fn generation(conn: &mut Conn) -> Result<i64> {
    Ok(sqlx::query_scalar!("select generation from access_generation where id = 1").fetch_one(conn).await?)
}

/// Begins the next generation, and keeps others from changing rules until the end of the transaction.
pub async fn advance(conn: &mut Conn) -> Result<i64> {
    sqlx::query!("update access_generation set generation = generation + 1 where id = 1").execute(&mut *conn).await?;
    generation(conn).await
}

/// Lists at most `limit` rules that were changed after the generation `known`, up to `head`, and after
/// the rule `after` in their order.
pub async fn list_changed(conn: &mut Conn, known: i64, head: i64, after: &str, limit: u32) -> Result<Vec<RuleRow>> {
    let rows = sqlx::query_as!(
        Columns,
        "select rule_id as `rule_id: Text`, version, kind, value as `value: Text`, value_hash, sealed,
                scope as `scope: Text`, effect, limit_count, limit_per_ms, public_reason as `public_reason: Text`,
                private_reason as `private_reason: Text`, author as `author: Text`, case_id as `case_id: Text`,
                origin as `origin: Text`, created_at, updated_at, expires_at, revoked_at,
                revoked_by as `revoked_by: Text`, match_count, last_match_at
         from access_rules
         where changed_in > ? and changed_in <= ? and rule_id > ?
         order by rule_id
         limit ?",
        known,
        head,
        after,
        limit
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(RuleRow::from).collect())
}

/// Lists at most `limit` rules in the order of their IDs, after `after`, whether or not they are in
/// force.
pub async fn list(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<RuleRow>> {
    list_changed(conn, -1, i64::MAX, after, limit).await
}

/// Finds a rule, whether or not it is in force.
pub async fn find(conn: &mut Conn, rule_id: &str) -> Result<Option<RuleRow>> {
    let row = sqlx::query_as!(
        Columns,
        "select rule_id as `rule_id: Text`, version, kind, value as `value: Text`, value_hash, sealed,
                scope as `scope: Text`, effect, limit_count, limit_per_ms, public_reason as `public_reason: Text`,
                private_reason as `private_reason: Text`, author as `author: Text`, case_id as `case_id: Text`,
                origin as `origin: Text`, created_at, updated_at, expires_at, revoked_at,
                revoked_by as `revoked_by: Text`, match_count, last_match_at
         from access_rules
         where rule_id = ?",
        rule_id
    );
    Ok(row.fetch_optional(conn).await?.map(RuleRow::from))
}

/// Inserts a rule, or puts it in the place of the one with its ID.
pub async fn upsert(conn: &mut Conn, rule: &RuleRow, generation: i64) -> Result<()> {
    sqlx::query!(
        "insert into access_rules
             (rule_id, version, changed_in, kind, value, value_hash, sealed, scope, effect, limit_count,
              limit_per_ms, public_reason, private_reason, author, case_id, origin, created_at, updated_at,
              expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         on duplicate key update
             version = values(version), changed_in = values(changed_in), kind = values(kind),
             value = values(value), value_hash = values(value_hash), sealed = values(sealed),
             scope = values(scope), effect = values(effect), limit_count = values(limit_count),
             limit_per_ms = values(limit_per_ms), public_reason = values(public_reason),
             private_reason = values(private_reason), author = values(author), case_id = values(case_id),
             origin = values(origin), updated_at = values(updated_at), expires_at = values(expires_at),
             revoked_at = null, revoked_by = null",
        rule.rule_id,
        rule.version,
        generation,
        rule.kind,
        rule.value,
        rule.value_hash,
        rule.sealed,
        rule.scope,
        rule.effect,
        rule.limit_count,
        rule.limit_per_ms,
        rule.public_reason,
        rule.private_reason,
        rule.author,
        rule.case_id,
        rule.origin,
        rule.created_at,
        rule.updated_at,
        rule.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Revokes a rule that is not revoked yet; returns whether there was one.
pub async fn revoke(conn: &mut Conn, rule_id: &str, by: &str, at: i64, generation: i64) -> Result<bool> {
    let done = sqlx::query!(
        "update access_rules
         set version = version + 1, changed_in = ?, revoked_at = ?, revoked_by = ?, updated_at = ?
         where rule_id = ? and revoked_at is null",
        generation,
        at,
        by,
        at,
        rule_id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Adds to the number of times that a rule has decided something.
pub async fn add_matches(conn: &mut Conn, rule_id: &str, count: i64, last_at: i64) -> Result<()> {
    sqlx::query!(
        "update access_rules set match_count = match_count + ?, last_match_at = greatest(coalesce(last_match_at, 0), ?)
         where rule_id = ?",
        count,
        last_at,
        rule_id
    )
    .execute(conn)
    .await?;
    Ok(())
}
