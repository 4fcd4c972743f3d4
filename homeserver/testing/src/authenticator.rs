//! An authenticator app, as people have it on their telephones.

use std::time::Duration;

use homeserver::{audit::Actor, clock::Clock};
use totp_rs::Totp;

use crate::{TestServer, TestUser};

/// How long a code is shown.
const STEP: Duration = Duration::from_secs(30);

/// An app that shows the codes of one account, by the server's clock.
#[derive(Clone, Debug)]
pub struct Authenticator {
    app: Totp,
    clock: Clock,
}

impl Authenticator {
    /// Scans the URL that a server shows.
    pub fn scan(server: &TestServer, url: &str) -> Self {
        Self { app: Totp::from_url(url).expect("the URL is valid"), clock: server.app.clock.clone() }
    }

    /// The code that is shown now.
    pub fn code(&self) -> String {
        self.code_in(0)
    }

    /// The code that is shown so many steps from now.
    pub fn code_in(&self, steps: i64) -> String {
        let seconds = self.clock.now_ms() / 1000 + steps * 30;
        self.app.generate(seconds.unsigned_abs()).to_string()
    }

    /// Waits, by the server's clock, until another code is shown, and returns that.
    pub fn next_code(&self) -> String {
        self.clock.advance(STEP);
        self.code()
    }

    /// The secret that the app shares with the server.
    pub fn secret(&self) -> &[u8] {
        self.app.secret().as_bytes()
    }

    /// Six digits that are not shown about now.
    pub fn wrong_code(&self) -> String {
        let near: Vec<String> = (-3..=3).map(|steps| self.code_in(steps)).collect();
        (0..).map(|number| format!("{number:06}")).find(|code| !near.contains(code)).expect("seven codes are few")
    }
}

impl TestServer {
    /// Turns on the second factor of `user`; returns its app and its recovery codes. The present code
    /// of the app is used up.
    pub async fn enrol(&self, user: &TestUser) -> (Authenticator, Vec<String>) {
        let factors = &self.app.accounts.factors;
        let nid = self.caller(user).await.nid;
        let enrolment = factors.begin(nid).await.expect("there is no second factor yet");
        let app = Authenticator::scan(self, &enrolment.url);
        let codes = factors.confirm(Actor::operator(), nid, &app.code()).await.expect("the code is right");
        (app, codes.iter().map(|code| code.to_string()).collect())
    }
}
