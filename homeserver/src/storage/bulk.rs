//! Multi-row inserts and `in (…)` lists. The only place where SQL text is put together, from constant parts.

use sqlx::{AssertSqlSafe, mysql::MySqlArguments};

use super::Conn;
use crate::Result;

/// Row counts that get a statement text of their own, so that few texts exist per table and the
/// statement cache holds them all.
const SIZES: [usize; 20] = [256, 128, 64, 32, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1];

/// About as many bytes go into one statement: a quarter of what MariaDB takes by default.
const STATEMENT_BYTES: usize = 4 << 20;

/// One table's insert statement: `insert into … (…) values` and what follows the rows.
#[derive(Clone, Copy, Debug)]
pub struct Insert {
    /// Up to and including `values`.
    pub head: &'static str,
    /// Number of columns.
    pub columns: usize,
    /// For instance an `on duplicate key update` clause, or nothing.
    pub tail: &'static str,
}

impl Insert {
    /// Inserts `rows`, each bound by `bind`, in as few statements as the sizes allow. Returns the
    /// affected rows, as the database counts them.
    pub async fn run<R>(
        &self,
        conn: &mut Conn,
        rows: &[R],
        bind: impl Fn(&R, &mut MySqlArguments) -> Result<(), sqlx::error::BoxDynError>,
    ) -> Result<u64> {
        let mut affected = 0;
        let mut rest = rows;
        while !rest.is_empty() {
            let size = SIZES.into_iter().find(|size| *size <= rest.len()).unwrap_or(1);
            let (chunk, others) = rest.split_at(size);
            rest = others;
            let mut arguments = MySqlArguments::default();
            for row in chunk {
                bind(row, &mut arguments).map_err(sqlx::Error::Encode)?;
            }
            let sql = self.text(size);
            affected += sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut *conn).await?.rows_affected();
        }
        Ok(affected)
    }

    /// Like [`Self::run`], for rows that can be large: no statement gets more than
    /// [`STATEMENT_BYTES`] unless a single row has, so that it stays within what the database takes.
    pub async fn run_weighed<R>(
        &self,
        conn: &mut Conn,
        rows: &[R],
        weight: impl Fn(&R) -> usize,
        bind: impl Fn(&R, &mut MySqlArguments) -> Result<(), sqlx::error::BoxDynError>,
    ) -> Result<u64> {
        let mut affected = 0;
        let mut rest = rows;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest
                .iter()
                .take_while(|row| {
                    bytes += weight(row);
                    bytes <= STATEMENT_BYTES
                })
                .count();
            let (chunk, others) = rest.split_at(fitting.max(1));
            rest = others;
            affected += self.run(conn, chunk, &bind).await?;
        }
        Ok(affected)
    }

    fn text(&self, rows: usize) -> String {
        let row = format!("({})", marks(self.columns));
        format!("{} {} {}", self.head, vec![row.as_str(); rows].join(","), self.tail)
    }
}

/// Value counts that `in (…)` lists have, for the same reason.
const LIST_SIZES: [usize; 4] = [1, 8, 64, 256];

/// Cuts `values` into pieces for `in (…)` lists. A piece may repeat its last value, which changes
/// nothing about what is found.
pub fn lists<T: Copy>(values: &[T]) -> impl Iterator<Item = Vec<T>> {
    let largest = LIST_SIZES[LIST_SIZES.len() - 1];
    values.chunks(largest).map(move |chunk| {
        let size = LIST_SIZES.into_iter().find(|size| *size >= chunk.len()).unwrap_or(largest);
        let last = chunk[chunk.len() - 1];
        chunk.iter().copied().chain(std::iter::repeat(last)).take(size).collect()
    })
}

/// The same for two columns: each piece of `these` with each of `those`.
pub fn crossed_lists<A: Copy, B: Copy>(these: &[A], those: &[B]) -> impl Iterator<Item = (Vec<A>, Vec<B>)> {
    lists(these).flat_map(move |these| lists(those).map(move |those| (these.clone(), those)))
}

/// `count` question marks, separated by commas.
pub fn marks(count: usize) -> String {
    vec!["?"; count].join(",")
}
