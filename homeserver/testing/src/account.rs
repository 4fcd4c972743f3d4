//! What a user does with the account: logging in and out, confirming by password.

use ruma::OwnedDeviceId;
use serde_json::{Value, json};

use crate::{Answer, TestUser};

impl TestUser {
    /// The password that [`TestUser::register`] chooses.
    pub fn password(&self) -> String {
        format!("password of {}", self.id.localpart())
    }

    /// Authentication data that confirm something by the password, without a session.
    pub fn confirmation(&self) -> Value {
        self.confirmation_by(&self.password())
    }

    /// The same with any password.
    pub fn confirmation_by(&self, password: &str) -> Value {
        json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": self.id },
            "password": password,
        })
    }

    /// Logs in on another device.
    pub async fn login(&self) -> TestUser {
        let answer = self.try_login(json!({})).await.expect("the password is right");
        let device_id: OwnedDeviceId = answer["device_id"].as_str().expect("a device ID").into();
        self.with_session(device_id, answer["access_token"].as_str().expect("an access token"))
    }

    /// Tries to log in by password; `more` is added to the request or replaces parts of it.
    pub async fn try_login(&self, more: Value) -> Answer<Value> {
        let mut body = self.confirmation();
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        self.logged_out().post("/_matrix/client/v3/login", body).await
    }

    /// The same person without a session.
    #[must_use]
    pub fn logged_out(&self) -> TestUser {
        self.with_session("NONE", "")
    }

    /// Whether the session is recognised.
    pub async fn is_logged_in(&self) -> bool {
        self.get("/_matrix/client/v3/account/whoami").await.is_ok()
    }
}
