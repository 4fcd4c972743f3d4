//! The rules that everybody has who does not change them. Client-server API, "Predefined Rules".

use ruma::{
    UserId,
    power_levels::NotificationPowerLevelsKey,
    push::{
        Action, ConditionalPushRule, ConditionalPushRuleInit, EventMatchConditionData, HighlightTweakValue,
        PatternedPushRule, PatternedPushRuleInit, PushCondition, Ruleset, SenderNotificationPermissionConditionData,
        SoundTweakValue, Tweak,
    },
};

/// The server's default rules for a user.
///
/// Besides the specification's there are the three that look for mentions in the text. It has them no
/// more, but lets servers add rules, and there are still clients, bots and bridges that do not say
/// whom they mention. They leave alone whatever says so.
pub fn rules(user_id: &UserId) -> Ruleset {
    let mut rules = Ruleset::server_default(user_id);
    let mut overrides = Vec::with_capacity(rules.override_.len() + 2);
    for rule in rules.override_ {
        let id = rule.rule_id.clone();
        overrides.push(rule);
        match id.as_str() {
            ".m.rule.is_user_mention" => overrides.push(contains_display_name()),
            ".m.rule.is_room_mention" => overrides.push(roomnotif()),
            _ => {}
        }
    }
    rules.override_ = overrides.into_iter().collect();
    rules.content.insert(contains_user_name(user_id));
    rules
}

fn contains_display_name() -> ConditionalPushRule {
    #[expect(deprecated, reason = "it is for clients that do not know its successor")]
    let condition = PushCondition::ContainsDisplayName;
    let actions = mention_actions();
    conditional(".m.rule.contains_display_name", vec![condition], actions)
}

fn roomnotif() -> ConditionalPushRule {
    let says_room = EventMatchConditionData::new("content.body".to_owned(), "@room".to_owned());
    let may_notify = SenderNotificationPermissionConditionData::new(NotificationPowerLevelsKey::Room);
    let actions = vec![Action::Notify, highlight()];
    conditional(".m.rule.roomnotif", vec![says_room.into(), may_notify.into()], actions)
}

fn contains_user_name(user_id: &UserId) -> PatternedPushRule {
    PatternedPushRuleInit {
        actions: mention_actions(),
        default: true,
        enabled: true,
        rule_id: ".m.rule.contains_user_name".to_owned(),
        pattern: user_id.localpart().to_owned(),
    }
    .into()
}

fn conditional(rule_id: &str, conditions: Vec<PushCondition>, actions: Vec<Action>) -> ConditionalPushRule {
    ConditionalPushRuleInit { actions, default: true, enabled: true, rule_id: rule_id.to_owned(), conditions }.into()
}

fn mention_actions() -> Vec<Action> {
    vec![Action::Notify, Action::SetTweak(Tweak::Sound(SoundTweakValue::Default)), highlight()]
}

fn highlight() -> Action {
    Action::SetTweak(Tweak::Highlight(HighlightTweakValue::Yes))
}
