//! Media and links in the first messages of those who just joined.

use std::collections::{HashMap, VecDeque};

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};

use crate::protections::{
    finding::Finding,
    settings::{NewcomerMedia, Protection},
    sight::{Said, Sight},
    standing::Standing,
};

/// So many newcomers are remembered.
const MOST: usize = 10_000;

/// Who joined lately, and how often they have written since.
#[derive(Debug, Default)]
pub(super) struct Newcomers {
    by_member: HashMap<(OwnedRoomId, OwnedUserId), Newcomer>,
    /// In the order in which they came.
    order: VecDeque<(OwnedRoomId, OwnedUserId)>,
}

#[derive(Clone, Debug)]
struct Newcomer {
    joined_at: i64,
    messages: u32,
    /// The last message that was counted.
    last: Option<OwnedEventId>,
}

impl Newcomers {
    pub(super) fn joined(&mut self, sight: &Sight) {
        let key = (sight.room.clone(), sight.sender.clone());
        let newcomer = Newcomer { joined_at: sight.at, messages: 0, last: None };
        if self.by_member.insert(key.clone(), newcomer).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_member.remove(&oldest);
        }
    }

    /// Counts a message, and tells what is wrong with it if `looks`.
    pub(super) fn said(
        &mut self,
        sight: &Sight,
        said: &Said,
        standing: &Standing,
        settings: &NewcomerMedia,
        looks: bool,
    ) -> Option<Finding> {
        let key = (sight.room.clone(), sight.sender.clone());
        // After a restart only the time of joining is known: then all messages within the time count.
        let (joined_at, messages) = match self.by_member.get_mut(&key) {
            Some(newcomer) => {
                // A message can come again, if something was away when it was looked at.
                if newcomer.last.replace(sight.event.clone()).as_ref() != Some(&sight.event) {
                    newcomer.messages = newcomer.messages.saturating_add(1);
                }
                (newcomer.joined_at, newcomer.messages)
            }
            None => (standing.joined_at?, 1),
        };
        let within_ms = i64::try_from(settings.within_s.saturating_mul(1000)).unwrap_or(i64::MAX);
        let is_new = sight.at.saturating_sub(joined_at) <= within_ms && messages <= settings.messages;
        let what = match said {
            _ if !looks || !is_new => return None,
            Said { is_media: true, .. } if settings.media => "media",
            Said { has_link: true, .. } if settings.links => "a link",
            _ => return None,
        };
        let says = format!("{} sent {what} right after joining.", sight.sender);
        let finding = Finding::new(Protection::NewcomerMedia, sight.event.as_str(), says);
        Some(finding.in_room(&sight.room).about([sight.sender.clone()]).shown_by([sight.event.clone()]))
    }
}
