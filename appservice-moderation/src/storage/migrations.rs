//! Brings the schema up to date.

use foundation::database::migrations::apply;

use super::Storage;
use crate::Result;

/// Applies the migrations that are missing. Only one process does this at a time: the one that has the
/// listener.
pub(super) async fn run(storage: &Storage) -> Result<()> {
    apply(&mut *storage.conn().await?, sqlx::migrate!("./migrations")).await
}
