//! Encrypts what is stored with the newest key, while everything goes on.

use std::{collections::BTreeMap, fmt::Display};

use crate::{
    Result,
    secrets::{
        self, Secrets,
        columns::{self, SealedColumn},
    },
    storage::{Storage, sealed},
};

/// Values that are read at a time.
const PAGE: u32 = 200;

/// Encrypts with the newest key what is encrypted with another; returns how many values that were.
/// What changes meanwhile is left to who changes it, and may need another call.
pub async fn reseal(storage: &Storage, secrets: &Secrets) -> Result<u64> {
    let mut count = 0;
    for column in columns::ALL {
        count += reseal_column(storage, secrets, column).await?;
    }
    Ok(count)
}

async fn reseal_column(storage: &Storage, secrets: &Secrets, column: &SealedColumn) -> Result<u64> {
    let mut conn = storage.conn().await?;
    let mut count = 0;
    loop {
        let page = sealed::list_others(&mut conn, column, &secrets.current_header(), PAGE).await?;
        if page.is_empty() {
            return Ok(count);
        }
        for value in page {
            let key: Vec<&dyn Display> = value.key.iter().map(|part| part as &dyn Display).collect();
            let resealed = secrets.reseal(column, &key, &value.sealed)?;
            count += u64::from(sealed::replace(&mut conn, column, &value, &resealed).await?);
        }
    }
}

/// How many values are encrypted with each key.
pub async fn count(storage: &Storage) -> Result<BTreeMap<u16, u64>> {
    let mut conn = storage.conn().await?;
    let mut counts = BTreeMap::new();
    for column in columns::ALL {
        for (header, count) in sealed::count_by_header(&mut conn, column).await? {
            // What no key has encrypted is counted as number 0, which no key has.
            let key = secrets::key_of(&header).unwrap_or_default();
            *counts.entry(key).or_default() += count.unsigned_abs();
        }
    }
    Ok(counts)
}
