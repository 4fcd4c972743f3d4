//! Writes events as one reader is told them, each with what relates to it.

use super::Reading;
use crate::{
    Result,
    accounts::User,
    rooms::{bundles::Bundles, timeline::Visible, visibility::Sight},
};

/// What is needed to write the events of one answer.
#[derive(Debug)]
pub struct Telling<'a> {
    reader: &'a User,
    now_ms: i64,
    bundles: Bundles,
}

impl Reading {
    /// Prepares to tell `reader` of `events`, all of the room that `sight` is for.
    pub async fn telling<'a>(
        &self,
        sight: &mut Sight,
        reader: &'a User,
        events: impl IntoIterator<Item = &Visible>,
    ) -> Result<Telling<'a>> {
        let events: Vec<_> = events.into_iter().map(|visible| visible.event.clone()).collect();
        let bundles = self.rooms.bundles_in(sight, reader, &events).await?;
        Ok(Telling { reader, now_ms: self.clock.now_ms(), bundles })
    }
}

impl Telling<'_> {
    /// Appends `visible` to `out`.
    pub fn write(&self, out: &mut String, visible: &Visible) {
        let relations = self.bundles.get(&visible.event.nid).map(String::as_str);
        visible.write(out, self.now_ms, self.reader, relations, true);
    }

    /// `visible` alone.
    pub fn text(&self, visible: &Visible) -> String {
        let mut out = String::new();
        self.write(&mut out, visible);
        out
    }
}
