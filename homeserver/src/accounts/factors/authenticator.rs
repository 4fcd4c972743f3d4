//! Authenticator apps: the secret that is shared with one, and which of its codes are right.

use totp_rs::{Builder, Totp, TotpError};
use zeroize::Zeroizing;

use crate::{Error, Result, secrets};

/// Bytes of a secret, as RFC 4226 recommends for SHA-1.
const SECRET_LENGTH: usize = 20;

/// A new secret.
pub(super) fn secret() -> Zeroizing<[u8; SECRET_LENGTH]> {
    secrets::bytes()
}

/// The app that has `secret`, of an account that is called `account` at `issuer`. It is what all apps
/// understand: SHA-1, six digits, 30 seconds. A code may be one step early or late (RFC 6238, 5.2).
pub(super) fn app(secret: &[u8], issuer: &str, account: &str) -> Result<Totp> {
    let app = Builder::new()
        .with_secret(secret.to_vec())
        .with_issuer(Some(without_colons(issuer)))
        .with_account_name(without_colons(account));
    app.build().map_err(unusable)
}

/// The URL, the secret as text, and the picture of the URL as PNG.
pub(super) fn shown(app: &Totp) -> Result<(String, String, Vec<u8>)> {
    let url = app.to_url().map_err(unusable)?;
    let picture = app.to_qr_png().map_err(unusable)?;
    Ok((url, app.secret().to_base32(), picture))
}

/// A colon parts the issuer from the account in the URL.
fn without_colons(name: &str) -> String {
    name.replace(':', "_")
}

fn unusable(fault: TotpError) -> Error {
    Error::internal(format!("an authenticator app cannot be set up: {fault}"))
}
