//! An event in the form in which push rules look at it, the same for all readers.

use ruma::{
    OwnedEventId,
    push::{AnyPushRuleRef, ConditionalPushRule, FlattenedJson, PushCondition, PushConditionRoomCtx},
    serde::Raw,
};
use serde_json::value::RawValue;
use tokio::sync::OnceCell;

use super::words;
use crate::{event::Event, json};

/// The property that is searched for words.
const BODY: &str = "content.body";
/// Rules that guess whether somebody is mentioned. They leave alone what says whom it mentions.
const GUESSES: [&str; 3] = [".m.rule.contains_display_name", ".m.rule.roomnotif", ".m.rule.contains_user_name"];

/// An event, ready to be judged.
#[derive(Debug)]
pub struct Prepared {
    /// The root of the thread it is in, once that was asked for.
    pub thread: OnceCell<Option<OwnedEventId>>,
    flattened: FlattenedJson,
    /// What it says, in lower case.
    body: Option<String>,
    states_mentions: bool,
}

impl Prepared {
    /// Prepares `event`.
    pub fn new(event: &Event) -> Self {
        let flattened = flatten(event);
        Self {
            thread: OnceCell::new(),
            body: flattened.get_str(BODY).map(str::to_lowercase),
            states_mentions: flattened.contains_mentions(),
            flattened,
        }
    }

    /// Whether a rule applies. The event must not be the reader's own.
    pub async fn is_matched_by(&self, rule: AnyPushRuleRef<'_>, context: &PushConditionRoomCtx) -> bool {
        if !rule.enabled() || (self.states_mentions && GUESSES.contains(&rule.rule_id())) {
            return false;
        }
        match rule {
            AnyPushRuleRef::Content(rule) => self.says(&rule.pattern),
            AnyPushRuleRef::Override(rule) | AnyPushRuleRef::Underride(rule) => self.fulfils(rule, context).await,
            rule => rule.applies(&self.flattened, context).await,
        }
    }

    async fn fulfils(&self, rule: &ConditionalPushRule, context: &PushConditionRoomCtx) -> bool {
        for condition in &rule.conditions {
            #[expect(deprecated, reason = "it is for clients that do not know its successor")]
            let is_fulfilled = match condition {
                PushCondition::ContainsDisplayName => self.says(&context.user_display_name),
                PushCondition::EventMatch(condition) if condition.key == BODY => self.says(&condition.pattern),
                // This waits for nothing: it would only for thread subscriptions, which there are none of.
                condition => condition.applies(&self.flattened, context).await,
            };
            if !is_fulfilled {
                return false;
            }
        }
        true
    }

    fn says(&self, pattern: &str) -> bool {
        self.body.as_ref().is_some_and(|body| words::contains(body, &pattern.to_lowercase()))
    }
}

/// What clients see of the event, without what depends on the reader.
fn flatten(event: &Event) -> FlattenedJson {
    let json = json::object(|members| {
        members.text("type", &event.kind().to_string());
        members.text("sender", event.sender().as_str());
        members.text("event_id", event.id().as_str());
        members.text("room_id", event.room_id().as_str());
        members.plain("origin_server_ts", event.pdu.origin_server_ts.0);
        if let Some(state_key) = event.state_key() {
            members.text("state_key", state_key);
        }
        members.raw("content", event.content().get());
    });
    let json = RawValue::from_string(json).expect("JSON that was parsed before is spliced into JSON");
    FlattenedJson::from_raw(&Raw::<()>::from_json(json))
}
