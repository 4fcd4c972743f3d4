//! The program `salon-moderation`.

use std::process::ExitCode;

fn main() -> ExitCode {
    moderation::cli::run()
}
