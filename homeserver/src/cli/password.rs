//! Asks for a new password without showing it, or makes one up.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

use anyhow::{Context, ensure};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::secrets;

/// Letters and digits of a password that is made up.
const LENGTH: usize = 20;

/// A new password.
pub(super) enum NewPassword {
    /// Somebody typed or piped it.
    Given(Zeroizing<String>),
    /// It was made up and has to be told.
    MadeUp(Zeroizing<String>),
}

impl NewPassword {
    /// Asks for a password twice at a terminal; otherwise reads the first line of the standard input.
    /// An empty answer means that one is made up.
    pub(super) fn ask() -> anyhow::Result<Self> {
        let given = match stdin().is_terminal() {
            true => {
                let first = read_hidden("New password (empty: one is made up): ")?;
                if !first.is_empty() {
                    ensure!(read_hidden("The same again: ")? == first, "the two passwords differ");
                }
                first
            }
            false => read_line()?,
        };
        match given.is_empty() {
            true => Ok(Self::MadeUp(Zeroizing::new(secrets::identifier(LENGTH)))),
            false => Ok(Self::Given(given)),
        }
    }

    /// The password itself.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Given(text) | Self::MadeUp(text) => text,
        }
    }
}

/// The terminal as it was, to which it returns when this is dropped.
struct Echo(Termios);

impl Drop for Echo {
    fn drop(&mut self) {
        // A terminal that has gone needs no echo.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
    }
}

fn read_hidden(prompt: &str) -> anyhow::Result<Zeroizing<String>> {
    let shown = tcgetattr(stdin()).context("the terminal")?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    hidden.local_modes.insert(LocalModes::ECHONL);
    tcsetattr(stdin(), OptionalActions::Now, &hidden).context("the terminal")?;
    let _echo = Echo(shown);
    write!(stderr(), "{prompt}")?;
    stderr().flush()?;
    read_line()
}

/// Reads a line from the standard input.
pub(super) fn read_line() -> anyhow::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    stdin().lock().read_line(&mut line).context("reading the standard input")?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}
