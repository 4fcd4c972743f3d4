//! Writes the content of `m.receipt` events.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use crate::{json, storage::numbers::UserNid, tail::Receipt};

/// The content of the `m.receipt` event that tells `reader` of `receipts` (oldest first); `{}` where
/// they may see none of them.
pub fn content_of(receipts: &[Arc<Receipt>], reader: UserNid) -> String {
    content_where(receipts, |receipt| !receipt.is_private || receipt.user == reader)
}

/// The same for a reader who may see those that are `visible`.
pub fn content_where(receipts: &[Arc<Receipt>], visible: impl Fn(&Receipt) -> bool) -> String {
    // A newer receipt takes the place of an older one of the same user, type and thread.
    let mut newest: HashMap<(UserNid, bool, &str), &Receipt> = HashMap::new();
    for receipt in receipts.iter().filter(|receipt| visible(receipt)) {
        newest.insert((receipt.user, receipt.is_private, &receipt.thread), receipt);
    }
    let mut receipts: Vec<&Receipt> = newest.into_values().collect();
    receipts.sort_unstable_by_key(|receipt| (&receipt.event_id, receipt.is_private, &receipt.user_id, &receipt.thread));
    // There is room for one receipt of a user at an event. Where a threaded one stands there too,
    // the unthreaded one counts, because it covers the other; it sorts first.
    receipts.dedup_by_key(|receipt| (&receipt.event_id, receipt.is_private, &receipt.user_id));
    write(&receipts)
}

/// Writes sorted receipts.
fn write(receipts: &[&Receipt]) -> String {
    json::object(|content| {
        for at_event in receipts.chunk_by(|one, other| one.event_id == other.event_id) {
            content.object(at_event[0].event_id.as_str(), |kinds| {
                for of_kind in at_event.chunk_by(|one, other| one.is_private == other.is_private) {
                    let kind = if of_kind[0].is_private { "m.read.private" } else { "m.read" };
                    kinds.object(kind, |users| {
                        for receipt in of_kind {
                            users.object(receipt.user_id.as_str(), |data| {
                                data.plain("ts", receipt.ts_ms);
                                if !receipt.thread.is_empty() {
                                    data.text("thread_id", &receipt.thread);
                                }
                            });
                        }
                    });
                }
            });
        }
    })
}
