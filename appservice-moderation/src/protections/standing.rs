//! What is known of somebody in a room besides what they do, and whether a protection passes over them.

use ruma::UserId;

use super::settings::Exempt;

/// Somebody's standing in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Their power.
    pub power: i64,
    /// Whether they may call the whole room.
    pub may_call_room: bool,
    /// When they joined, in ms since the epoch; `None` if nobody knows, which means long ago.
    pub joined_at: Option<i64>,
    /// When their account was made, if it is one of this server and not older than what is known.
    pub registered_at: Option<i64>,
    /// Whether it is an account of this server.
    pub is_local: bool,
    /// Whether it is an operator or a program: nothing that acts by itself acts on them.
    pub is_immune: bool,
}

impl Exempt {
    /// Whether a protection passes over `user` at `now`.
    pub fn covers(&self, user: &UserId, standing: &Standing, now: i64) -> bool {
        let is_past = |since: Option<i64>, seconds: u64| {
            let needed = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
            seconds > 0 && since.is_none_or(|since| now.saturating_sub(since) >= needed)
        };
        standing.is_immune
            || standing.power >= self.power
            || is_past(standing.joined_at, self.member_s)
            || (standing.is_local && is_past(standing.registered_at, self.account_s))
            || self.users.match_any(user.as_str())
            || self.servers.match_any(user.server_name().as_str())
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn each_exemption_covers_whom_it_names() {
        let nobody = Exempt { power: i64::MAX, ..Exempt::default() };
        let covers = |change: &dyn Fn(&mut Exempt), standing: Standing| {
            let mut exempt = nobody.clone();
            change(&mut exempt);
            exempt.covers(user_id!("@bob:there.test"), &standing, 100_000)
        };
        let stranger = Standing { joined_at: Some(90_000), registered_at: Some(90_000), ..Standing::default() };

        assert!(!covers(&|_| {}, stranger));
        assert!(covers(&|_| {}, Standing { is_immune: true, ..stranger }));
        assert!(covers(&|exempt| exempt.power = 50, Standing { power: 50, ..stranger }));
        assert!(!covers(&|exempt| exempt.power = 50, Standing { power: 49, ..stranger }));
        assert!(covers(&|exempt| exempt.member_s = 10, stranger));
        assert!(!covers(&|exempt| exempt.member_s = 11, stranger));
        assert!(covers(&|exempt| exempt.account_s = 10, Standing { is_local: true, ..stranger }));
        assert!(!covers(&|exempt| exempt.account_s = 10, stranger));
        assert!(covers(&|exempt| exempt.users = vec!["@bob*".to_owned()].into(), stranger));
        assert!(covers(&|exempt| exempt.servers = vec!["*.test".to_owned()].into(), stranger));
        assert!(!covers(&|exempt| exempt.servers = vec!["here.test".to_owned()].into(), stranger));
    }
}
