//! The threads of a room. Client-server API, "Querying threads in a room".

use ruma::RoomId;

use super::{Reading, relations::limit, token::Token};
use crate::{
    Result,
    accounts::User,
    json,
    storage::numbers::{Position, UserNid},
};

impl Reading {
    /// A page of the threads that a reader may see, those with the newest events first; all, or those
    /// that the reader has taken part in.
    pub async fn threads(
        &self,
        reader: &User,
        room_id: &RoomId,
        is_participant: bool,
        from: Option<&str>,
        asked: Option<u64>,
    ) -> Result<String> {
        let (view, mut sight) = self.rooms.readable(reader, room_id).await?;
        let until = self.rooms.horizon(&sight);
        let before = match from {
            Some(token) => Position(Token::parse(token)?.position.0.saturating_add(1)),
            None => Position(i64::MAX),
        };
        let limit = limit(asked);
        let participant: Option<UserNid> = is_participant.then_some(reader.nid);
        let page = self.rooms.threads_page(view.nid, before, until, participant, sight.ignored(), limit + 1).await?;
        let next = page.get(limit).and(page.get(limit - 1)).map(|(_, newest)| Position(newest.0 - 1));
        let mut roots = Vec::with_capacity(limit);
        for root in page.into_iter().take(limit).filter_map(|(root, _)| root) {
            // An event that relates to another itself is no root. Client-server API, "Threading".
            if root.relation().is_some() {
                continue;
            }
            let seen = sight.see(&root).await?;
            if seen.is_visible {
                // The root of a thread is needed, even if somebody wrote it who is ignored.
                let event = if sight.spares(&root) { self.rooms.without_content(&view, &root)? } else { root };
                roots.push(sight.shown(event, seen).await?);
            }
        }
        let telling = self.telling(&mut sight, reader, &roots).await?;
        Ok(json::object(|answer| {
            answer.array("chunk", &roots, |out, root| telling.write(out, root));
            if let Some(position) = next {
                answer.text("next_batch", &Token { position }.to_string());
            }
        }))
    }
}
