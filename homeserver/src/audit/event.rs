//! What the audit log tells of.

use std::{net::IpAddr, sync::Arc};

use ruma::{OwnedDeviceId, OwnedUserId, UserId};
use serde_json::{Map, Value};

/// Most bytes of a user agent.
const LONGEST_AGENT: usize = 256;

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $success:literal, $failure:literal, $category:literal, $kind:literal;)*) => {
        /// What was done. Names follow OWASP's logging vocabulary, categories and types Elastic's
        /// Common Schema.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            const ALL: &[Self] = &[$(Self::$name),*];

            /// The name under which it is noted.
            pub fn name(self, is_success: bool) -> &'static str {
                match self {
                    $(Self::$name => if is_success { $success } else { $failure },)*
                }
            }

            /// ECS `event.category` and `event.type`.
            fn classes(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$name => ($category, $kind),)*
                }
            }
        }
    };
}

actions! {
    /// Signing in, or trying to.
    SignIn = "authn_login_success", "authn_login_fail", "authentication", "start";
    /// Being held off after too many tries.
    RateLimit = "excess_rate_limit_exceeded", "excess_rate_limit_exceeded", "intrusion_detection", "denied";
    /// Sessions that came to an end; the detail `devices` names them.
    SessionsEnded = "session_ended", "session_end_fail", "session", "end";
    /// A token that was made; the detail `kind` says which: login, registration, personal, app_password …
    TokenCreated = "authn_token_created", "authn_token_create_fail", "iam", "creation";
    /// A token that was made void.
    TokenRevoked = "authn_token_revoked", "authn_token_revoke_fail", "iam", "deletion";
    /// A token that was used once more after it had been used up: somebody else has it.
    TokenReused = "authn_token_reuse", "authn_token_reuse", "intrusion_detection", "info";
    /// A password that its owner changed, or tried to.
    PasswordChanged = "authn_password_change", "authn_password_change_fail", "iam", "change";
    /// A password that was replaced without the old one; the detail `by` says how.
    PasswordReset = "authn_password_reset", "authn_password_reset_fail", "iam", "change";
    /// A second factor that was set up; the detail `kind` says which.
    FactorAdded = "authn_factor_added", "authn_factor_add_fail", "iam", "creation";
    /// A second factor that was shown, or wrongly.
    FactorUsed = "authn_factor_success", "authn_factor_fail", "authentication", "info";
    /// A second factor that its owner turned off.
    FactorRemoved = "authn_factor_removed", "authn_factor_remove_fail", "iam", "deletion";
    /// A second factor that an administrator took away.
    FactorReset = "authn_factor_reset", "authn_factor_reset_fail", "iam", "deletion";
    /// Recovery codes that were made anew.
    RecoveryCodesCreated = "authn_recovery_codes_created", "authn_recovery_codes_fail", "iam", "creation";
    /// A second factor that is not accepted for a while after too many wrong codes.
    FactorLocked = "authn_login_lock", "authn_login_lock", "intrusion_detection", "denied";
    /// An e-mail address that was added to an account.
    EmailAdded = "user_email_added", "user_email_add_fail", "iam", "change";
    /// An e-mail address that was taken from an account.
    EmailRemoved = "user_email_removed", "user_email_remove_fail", "iam", "change";
    /// An account at an identity provider that opens an account from now on; the detail `provider` names
    /// the provider.
    IdentityLinked = "user_identity_linked", "user_identity_link_fail", "iam", "change";
    /// One that does so no longer.
    IdentityUnlinked = "user_identity_unlinked", "user_identity_unlink_fail", "iam", "change";
    /// An account that was made.
    AccountCreated = "user_created", "user_create_fail", "iam", "creation";
    /// An account that was closed for good.
    AccountDeactivated = "user_deactivated", "user_deactivate_fail", "iam", "deletion";
    /// An account that was locked.
    AccountLocked = "user_locked", "user_lock_fail", "iam", "change";
    /// A lock that was lifted.
    AccountUnlocked = "user_unlocked", "user_unlock_fail", "iam", "change";
    /// An account that was suspended.
    AccountSuspended = "user_suspended", "user_suspend_fail", "iam", "change";
    /// A suspension that was lifted.
    AccountUnsuspended = "user_unsuspended", "user_unsuspend_fail", "iam", "change";
    /// Somebody's permissions that changed.
    RoleChanged = "authz_change", "authz_change_fail", "iam", "admin";
    /// Something else that an administrator did; the detail `what` says what.
    AdminActed = "authz_admin", "authz_admin_fail", "iam", "admin";
    /// An application that a user let act for them.
    ConsentGiven = "consent_given", "consent_refused", "iam", "allowed";
    /// An application that a user does not let act for them any more.
    ConsentRevoked = "consent_revoked", "consent_revoke_fail", "iam", "denied";
    /// Documents that a user accepted; the detail `documents` names them with their versions.
    TermsAccepted = "user_terms_accepted", "user_terms_refused", "iam", "allowed";
    /// A rule of access that was made, changed or lifted; the detail `rule` names it.
    RuleChanged = "rule_changed", "rule_change_fail", "configuration", "change";
    /// Somebody whom a rule of access kept out.
    RuleApplied = "rule_hit", "rule_hit", "intrusion_detection", "denied";
    /// Cross-signing keys that were replaced.
    KeysReset = "cross_signing_reset", "cross_signing_reset_fail", "iam", "change";
    /// The server's keys that were changed.
    KeysRotated = "sys_key_rotation", "sys_key_rotation_fail", "configuration", "change";
    /// Old rows of this log that were deleted.
    LogPruned = "sys_audit_pruned", "sys_audit_prune_fail", "configuration", "deletion";
    /// Events that could not be noted; the detail `count` says how many.
    EventsLost = "sys_audit_lost", "sys_audit_lost", "configuration", "error";
}

impl Action {
    /// The action that is noted as `name`.
    fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| [true, false].iter().any(|outcome| action.name(*outcome) == name))
    }

    /// ECS `event.category` and `event.type` of what is noted as `name`.
    pub(super) fn classes_of(name: &str) -> (&'static str, &'static str) {
        Self::find(name).map_or(("iam", "info"), Self::classes)
    }
}

/// From where a request came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub address: IpAddr,
    /// What the client says it is, in visible characters; cut to a length.
    pub user_agent: Option<Arc<str>>,
}

impl Origin {
    /// A request from `address` by a client that calls itself `user_agent`.
    pub fn new(address: IpAddr, user_agent: Option<&str>) -> Self {
        let visible = |agent: &str| {
            let mut length = 0;
            let fits = |letter: &char| {
                length += letter.len_utf8();
                length <= LONGEST_AGENT
            };
            agent.chars().filter(|letter| !letter.is_control()).take_while(fits).collect::<String>().into()
        };
        Self { address, user_agent: user_agent.map(visible) }
    }
}

/// The part that somebody acts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Somebody of whom nothing is known yet.
    Anonymous,
    /// A user.
    User,
    /// A server administrator.
    Admin,
    /// Who runs commands on the machine.
    Operator,
    /// The server by itself.
    Server,
}

impl Role {
    /// The name under which it is noted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::User => "user",
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Server => "server",
        }
    }
}

/// Who did something.
#[derive(Clone, Debug)]
pub struct Actor {
    pub(super) role: Role,
    pub(super) user_id: Option<OwnedUserId>,
    pub(super) device_id: Option<OwnedDeviceId>,
    pub(super) origin: Option<Origin>,
    /// A name for the session on the pages.
    session: Option<String>,
    /// The application service that acts for them.
    service: Option<String>,
}

impl Actor {
    /// Who runs commands on the machine.
    pub fn operator() -> Self {
        Self { role: Role::Operator, user_id: None, device_id: None, origin: None, session: None, service: None }
    }

    /// The server by itself.
    pub fn server() -> Self {
        Self { role: Role::Server, ..Self::operator() }
    }

    /// A user; callers that are authenticated are turned into actors by `from`.
    pub fn user(user_id: &UserId, device_id: Option<OwnedDeviceId>, origin: &Origin) -> Self {
        Self { device_id, origin: Some(origin.clone()), ..Self::owner(user_id) }
    }

    /// A user who acts in person, from where is not known.
    pub fn owner(user_id: &UserId) -> Self {
        Self { role: Role::User, user_id: Some(user_id.to_owned()), ..Self::operator() }
    }

    /// The same as a server administrator, if it is one.
    #[must_use]
    pub fn as_admin(self, is_admin: bool) -> Self {
        if is_admin { Self { role: Role::Admin, ..self } } else { self }
    }

    /// The same, known to act from `origin`.
    #[must_use]
    pub fn at(self, origin: &Origin) -> Self {
        Self { origin: Some(origin.clone()), ..self }
    }

    /// The same, in the session on the pages that has this name.
    #[must_use]
    pub fn within(self, session: String) -> Self {
        Self { session: Some(session), ..self }
    }

    /// The same, if it is an application service that acts for them: the one with this ID.
    #[must_use]
    pub fn through(self, service: Option<&str>) -> Self {
        Self { service: service.map(ToOwned::to_owned), ..self }
    }

    /// From where.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }
}

/// Somebody of whom nothing is known but from where.
impl From<&Origin> for Actor {
    fn from(origin: &Origin) -> Self {
        Self { role: Role::Anonymous, origin: Some(origin.clone()), ..Self::operator() }
    }
}

/// Something to be noted.
#[derive(Clone, Debug)]
pub struct Event {
    pub(super) action: Action,
    pub(super) is_success: bool,
    pub(super) actor: Actor,
    pub(super) target: Option<OwnedUserId>,
    pub(super) details: Map<String, Value>,
    pub(super) private: Map<String, Value>,
}

impl Event {
    /// Something that `actor` did.
    pub fn new(action: Action, actor: impl Into<Actor>) -> Self {
        let (actor, details, private) = (actor.into(), Map::new(), Map::new());
        let (session, service) = (actor.session.clone(), actor.service.clone());
        let mut event = Self { action, is_success: true, actor, target: None, details, private };
        for (name, value) in [("session", session), ("application_service", service)] {
            if let Some(value) = value {
                event = event.detail(name, value);
            }
        }
        event
    }

    /// Whose account it concerns.
    #[must_use]
    pub fn on(self, target: &UserId) -> Self {
        Self { target: Some(target.to_owned()), ..self }
    }

    /// It did not succeed; `reason` is a word with underscores.
    #[must_use]
    pub fn failed(self, reason: &'static str) -> Self {
        Self { is_success: false, ..self }.detail("reason", reason)
    }

    /// Adds what everybody who may read the log may know.
    #[must_use]
    pub fn detail(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// Adds what is kept encrypted and deleted with the address: names that somebody made up, e-mail
    /// addresses.
    #[must_use]
    pub fn private(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.private.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn name(&self) -> &'static str {
        self.action.name(self.is_success)
    }
}
