//! Reads and replaces what is encrypted, whichever column it is in. Statements are put together from
//! the names in `secrets::columns`.

use sqlx::{AssertSqlSafe, Row};

use super::{Conn, codec::Text};
use crate::{
    Result,
    secrets::{
        HEADER_LENGTH,
        columns::{Key, SealedColumn},
    },
};

/// An encrypted value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedValue {
    /// The row's primary key, as it is written where something is bound to it.
    pub key: Vec<String>,
    /// What is stored.
    pub sealed: Vec<u8>,
}

/// Lists at most `limit` values of a column that do not begin with `header`.
pub async fn list_others(
    conn: &mut Conn,
    column: &SealedColumn,
    header: &[u8; HEADER_LENGTH],
    limit: u32,
) -> Result<Vec<SealedValue>> {
    let key: Vec<String> = column.key.iter().map(|part| read(*part)).collect();
    let sql = format!(
        "select {}, {} from {} where left({}, {HEADER_LENGTH}) <> ?{} limit ?",
        key.join(", "),
        column.column,
        column.table,
        column.column,
        condition(column)
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(header.as_slice()).bind(limit).fetch_all(conn).await?;
    let value = |row: sqlx::mysql::MySqlRow| {
        let key = (0..column.key.len()).map(|at| Ok(row.try_get::<Text, _>(at)?.0)).collect::<Result<_>>()?;
        Ok(SealedValue { key, sealed: row.try_get(column.key.len())? })
    };
    rows.into_iter().map(value).collect()
}

/// Puts `resealed` in the place of a value, unless that has changed; returns whether it has not.
pub async fn replace(conn: &mut Conn, column: &SealedColumn, old: &SealedValue, resealed: &[u8]) -> Result<bool> {
    let key: Vec<String> = column.key.iter().map(|part| compare(*part)).collect();
    let name = column.column;
    let sql = format!("update {} set {name} = ? where {} and {name} = ?", column.table, key.join(" and "));
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(resealed);
    for part in &old.key {
        query = query.bind(part.as_bytes());
    }
    Ok(query.bind(&old.sealed).execute(conn).await?.rows_affected() == 1)
}

/// Counts the values of a column by how they begin.
pub async fn count_by_header(conn: &mut Conn, column: &SealedColumn) -> Result<Vec<(Vec<u8>, i64)>> {
    let name = column.column;
    let sql = format!(
        "select left({name}, {HEADER_LENGTH}), count(*) from {} where {name} is not null{} group by 1",
        column.table,
        condition(column)
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql)).fetch_all(conn).await?)
}

fn condition(column: &SealedColumn) -> String {
    column.only.map(|only| format!(" and {only}")).unwrap_or_default()
}

fn read(part: Key) -> String {
    match part {
        Key::Number(column) => format!("cast({column} as char)"),
        Key::Text(column) => column.to_owned(),
        Key::Bytes(column) => format!("lower(hex({column}))"),
    }
}

fn compare(part: Key) -> String {
    match part {
        Key::Number(column) => format!("{column} = cast(? as signed)"),
        Key::Text(column) => format!("{column} = ?"),
        Key::Bytes(column) => format!("{column} = unhex(?)"),
    }
}
