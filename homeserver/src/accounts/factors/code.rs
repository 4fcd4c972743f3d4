//! What somebody may type to prove the second factor, and how it is read.

#[cfg(test)]
mod tests;

/// Letters of a recovery code: Crockford's base 32, which has no I, L, O and U.
pub(super) const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a recovery code: 80 bits.
pub(super) const RECOVERY_LENGTH: usize = 16;
/// Digits of an app's code.
const DIGITS: usize = 6;
/// Characters of a recovery code that are written together.
const GROUP: usize = 4;

/// A code of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// Six digits that an authenticator app shows for half a minute.
    App(String),
    /// A recovery code, in capitals without hyphens.
    Recovery(String),
}

impl Code {
    /// Reads what somebody typed; `None` if it is neither kind of code. Spaces and hyphens do not
    /// count, and in recovery codes neither do capitals or letters that look like digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|next| !next.is_whitespace() && *next != '-').collect();
        match text.len() {
            DIGITS if text.bytes().all(|next| next.is_ascii_digit()) => Some(Self::App(text)),
            RECOVERY_LENGTH => text.bytes().map(letter).collect::<Option<String>>().map(Self::Recovery),
            _ => None,
        }
    }
}

/// The letter of a recovery code that is meant by `typed`.
fn letter(typed: u8) -> Option<char> {
    let meant = match typed.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    ALPHABET.contains(&meant).then_some(char::from(meant))
}

/// A recovery code as it is shown: in groups.
pub(super) fn grouped(code: &str) -> String {
    let groups: Vec<&str> = (0..code.len()).step_by(GROUP).map(|start| &code[start..start + GROUP]).collect();
    groups.join("-")
}

/// Splits a password with a code at its end: six digits, or after a space a recovery code.
pub(in crate::accounts) fn split(text: &str) -> Option<(&str, &str)> {
    let last_word = text.rsplit_once(' ').filter(|(_, word)| matches!(Code::parse(word), Some(Code::Recovery(_))));
    let digits = || {
        let at = text.len().checked_sub(DIGITS)?;
        text.split_at_checked(at).filter(|(_, code)| code.bytes().all(|next| next.is_ascii_digit()))
    };
    last_word.or_else(digits).filter(|(password, _)| !password.is_empty())
}
