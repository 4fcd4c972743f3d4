//! What messages say, in each language. The first line of a template is the subject.

/// A language that messages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// French.
    French,
}

impl Language {
    const ALL: [Self; 2] = [Self::English, Self::French];

    /// Its tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// The language with this tag, else English.
    pub fn of_tag(tag: &str) -> Self {
        Self::ALL.into_iter().find(|language| language.tag() == tag).unwrap_or_default()
    }

    /// The one that somebody likes best, by the header `Accept-Language`. RFC 9110, section 12.5.4.
    pub fn preferred(accepted: &str) -> Self {
        let mut best = (0.0, Self::default());
        for range in accepted.split(',') {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.parse::<f32>().ok());
            let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            let known = Self::ALL.into_iter().find(|language| language.tag() == primary);
            if let (Some(language), Some(weight)) = (known, weight)
                && weight > best.0
            {
                best = (weight, language);
            }
        }
        best.1
    }
}

/// What a message says. Times are in milliseconds since the epoch.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the gaps of the templates")]
pub enum Text<'a> {
    /// A link that proves an address which is to be added to an account.
    ConfirmAddress { link: &'a str },
    /// The same for somebody who registers.
    ConfirmRegistration { link: &'a str },
    /// A link that allows to choose a new password.
    ResetPassword { link: &'a str },
    /// Somebody wants to use an address that belongs to an account already.
    AddressTaken,
    /// Somebody signed in on a new device.
    NewSignIn { user: &'a str, device: &'a str, address: &'a str, at: i64 },
    /// The password is another.
    PasswordChanged { user: &'a str, at: i64 },
    /// An address was added.
    EmailAdded { user: &'a str, address: &'a str, at: i64 },
    /// An address was removed.
    EmailRemoved { user: &'a str, address: &'a str, at: i64 },
    /// An account at an identity provider opens the account from now on.
    IdentityLinked { user: &'a str, provider: &'a str, at: i64 },
    /// One does so no longer.
    IdentityUnlinked { user: &'a str, provider: &'a str, at: i64 },
    /// Two-factor login was turned on.
    FactorAdded { user: &'a str, at: i64 },
    /// Two-factor login was turned off.
    FactorRemoved { user: &'a str, at: i64 },
    /// There are new recovery codes.
    RecoveryCodesCreated { user: &'a str, at: i64 },
    /// A recovery code was used up.
    RecoveryCodeUsed { user: &'a str, left: &'a str, at: i64 },
    /// No code is accepted for a while.
    FactorLocked { user: &'a str, at: i64 },
}

/// Most characters that go into a gap.
const LONGEST: usize = 500;

macro_rules! template {
    ($language:expr, $name:literal) => {
        match $language {
            Language::English => include_str!(concat!("templates/en/", $name, ".txt")),
            Language::French => include_str!(concat!("templates/fr/", $name, ".txt")),
        }
    };
}

impl Text<'_> {
    /// The subject and the text, as the server `server` writes them.
    pub(super) fn write(&self, language: Language, server: &str) -> (String, String) {
        let template = self.template(language);
        let (subject, text) = template.split_once("\n\n").unwrap_or((template, ""));
        let time = self.at().map(time).unwrap_or_default();
        let mut gaps = self.gaps();
        gaps.extend([("server", server), ("time", &time)]);
        (fill(subject, &gaps), fill(text, &gaps))
    }

    fn template(&self, language: Language) -> &'static str {
        match self {
            Self::ConfirmAddress { .. } => template!(language, "confirm_address"),
            Self::ConfirmRegistration { .. } => template!(language, "confirm_registration"),
            Self::ResetPassword { .. } => template!(language, "reset_password"),
            Self::AddressTaken => template!(language, "address_taken"),
            Self::NewSignIn { .. } => template!(language, "new_sign_in"),
            Self::PasswordChanged { .. } => template!(language, "password_changed"),
            Self::EmailAdded { .. } => template!(language, "email_added"),
            Self::EmailRemoved { .. } => template!(language, "email_removed"),
            Self::IdentityLinked { .. } => template!(language, "identity_linked"),
            Self::IdentityUnlinked { .. } => template!(language, "identity_unlinked"),
            Self::FactorAdded { .. } => template!(language, "factor_added"),
            Self::FactorRemoved { .. } => template!(language, "factor_removed"),
            Self::RecoveryCodesCreated { .. } => template!(language, "recovery_codes_created"),
            Self::RecoveryCodeUsed { .. } => template!(language, "recovery_code_used"),
            Self::FactorLocked { .. } => template!(language, "factor_locked"),
        }
    }

    fn gaps(&self) -> Vec<(&'static str, &str)> {
        match *self {
            Self::ConfirmAddress { link } | Self::ConfirmRegistration { link } | Self::ResetPassword { link } => {
                vec![("link", link)]
            }
            Self::AddressTaken => Vec::new(),
            Self::NewSignIn { user, device, address, .. } => {
                vec![("user", user), ("device", device), ("address", address)]
            }
            Self::EmailAdded { user, address, .. } | Self::EmailRemoved { user, address, .. } => {
                vec![("user", user), ("address", address)]
            }
            Self::IdentityLinked { user, provider, .. } | Self::IdentityUnlinked { user, provider, .. } => {
                vec![("user", user), ("provider", provider)]
            }
            Self::RecoveryCodeUsed { user, left, .. } => vec![("user", user), ("left", left)],
            Self::PasswordChanged { user, .. }
            | Self::FactorAdded { user, .. }
            | Self::FactorRemoved { user, .. }
            | Self::RecoveryCodesCreated { user, .. }
            | Self::FactorLocked { user, .. } => vec![("user", user)],
        }
    }

    fn at(&self) -> Option<i64> {
        match *self {
            Self::ConfirmAddress { .. }
            | Self::ConfirmRegistration { .. }
            | Self::ResetPassword { .. }
            | Self::AddressTaken => None,
            Self::NewSignIn { at, .. }
            | Self::PasswordChanged { at, .. }
            | Self::EmailAdded { at, .. }
            | Self::EmailRemoved { at, .. }
            | Self::IdentityLinked { at, .. }
            | Self::IdentityUnlinked { at, .. }
            | Self::FactorAdded { at, .. }
            | Self::FactorRemoved { at, .. }
            | Self::RecoveryCodesCreated { at, .. }
            | Self::RecoveryCodeUsed { at, .. }
            | Self::FactorLocked { at, .. } => Some(at),
        }
    }
}

/// A time for people: day and minute.
fn time(ms: i64) -> String {
    let written = crate::clock::rfc3339(ms);
    format!("{} UTC", written.get(..16).unwrap_or(&written).replace('T', " "))
}

/// Puts values into the gaps of a template. What stands in a value is never taken for a gap, nor can
/// it begin a new line.
fn fill(template: &str, gaps: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len() + 200);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let value = gaps.iter().find(|(gap, _)| *gap == name).map_or("", |(_, value)| value);
        filled.extend(value.chars().filter(|letter| !letter.is_control()).take(LONGEST));
        rest = after;
    }
    filled.push_str(rest);
    filled
}
