//! Second factors, app passwords and access tokens, from the command line.

use std::time::Duration;

use anyhow::ensure;
use ruma::UserId;

use super::{super::password::read_line, App, say, told};
use crate::{
    accounts::personal_tokens::{PersonalTokenRequest, Scope},
    audit::Actor,
    storage::numbers::UserNid,
};

/// A day.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Shows a new authenticator app's secret, and asks for a code of it.
pub(super) async fn add(app: &App, user_id: &UserId) -> anyhow::Result<()> {
    let user = find(app, user_id).await?;
    let factors = &app.accounts.factors;
    let enrolment = told(factors.begin(user).await)?;
    say(&format!("The key for the authenticator app is {}", *enrolment.secret))?;
    say(&format!("The same as a URL: {}", *enrolment.url))?;
    say("The code that the app shows:")?;
    let codes = told(factors.confirm(Actor::operator(), user, &read_line()?).await)?;
    say(&format!("{user_id} now needs a code besides the password. Each of these codes stands for one, once:"))?;
    codes.iter().try_for_each(|code| say(code))
}

/// Makes an app password and shows it.
pub(super) async fn app_password(app: &App, user_id: &UserId, label: &str) -> anyhow::Result<()> {
    let made = told(app.accounts.app_passwords.create(Actor::operator(), find(app, user_id).await?, label).await)?;
    say(&format!("The app password is {}", *made.password))
}

/// Makes a personal access token and shows it.
pub(super) async fn access_token(
    app: &App,
    user_id: &UserId,
    label: String,
    days: Option<u32>,
    is_read_only: bool,
) -> anyhow::Result<()> {
    let request = PersonalTokenRequest {
        label,
        lifetime: days.map(|days| DAY * days),
        scope: if is_read_only { Scope::ReadOnly } else { Scope::Full },
    };
    let made = told(app.accounts.personal_tokens.create(Actor::operator(), find(app, user_id).await?, &request).await)?;
    say(&format!("The access token of the device {} is {}", made.device_id, *made.token))
}

/// The number of somebody whose account may be used.
async fn find(app: &App, user_id: &UserId) -> anyhow::Result<UserNid> {
    let account = told(app.accounts.administration.find(user_id).await)?;
    ensure!(!account.is_deactivated, "{user_id} is deactivated");
    Ok(account.user)
}
