//! Tests of the session cache.

use ruma::user_id;

use super::*;
use crate::storage::{
    accounts::{AccountKind, AccountState},
    personal_tokens::Scope,
    session_origins::SessionKind,
};

const TOKEN: TokenHash = [1; 32];

fn session(user: i64) -> SessionRow {
    SessionRow {
        user: UserNid(user),
        user_id: user_id!("@alice:here.test").to_owned(),
        device_id: None,
        replaces: None,
        expires_at: None,
        kind: AccountKind::User,
        is_admin: false,
        state: AccountState::Active,
        is_shadow_banned: false,
        pace: None,
        session_kind: SessionKind::Legacy,
        scope: Scope::Full,
    }
}

#[test]
fn a_session_is_known_until_its_user_is_forgotten() {
    let cache = SessionCache::default();
    cache.insert(TOKEN, session(1), cache.endings());

    cache.forget(UserNid(2));
    assert!(cache.get(&TOKEN).is_some());

    cache.forget(UserNid(1));
    assert!(cache.get(&TOKEN).is_none());
}

#[test]
fn a_session_that_ended_while_it_was_read_is_not_believed() {
    let cache = SessionCache::default();

    let asked_at = cache.endings();
    cache.forget(UserNid(1));
    cache.insert(TOKEN, session(1), asked_at);

    assert!(cache.get(&TOKEN).is_none());
}

#[test]
fn too_many_endings_are_one_of_all() {
    let cache = SessionCache::default();
    cache.insert(TOKEN, session(0), cache.endings());

    for user in 1..=i64::try_from(ENDED).expect("a small number") + 1 {
        cache.forget(UserNid(user));
    }

    assert!(cache.get(&TOKEN).is_none());
    cache.insert(TOKEN, session(0), cache.endings());
    assert!(cache.get(&TOKEN).is_some());
}
