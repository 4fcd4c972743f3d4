//! Multi-row inserts. The only place where SQL text is put together, from constant parts.

use sqlx::{AssertSqlSafe, mysql::MySqlArguments};

use super::Conn;
use crate::Result;

/// Row counts that get a statement text of their own, so that few texts exist per table and the
/// statement cache holds them all.
const SIZES: [usize; 20] = [256, 128, 64, 32, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1];

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

    fn text(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(","));
        format!("{} {} {}", self.head, vec![row.as_str(); rows].join(","), self.tail)
    }
}
