//! Cross-signing, the backup of keys, and how people verify each other.

use anyhow::{Context, Result, bail};
use futures_util::future::try_join;
use matrix_sdk::{
    encryption::verification::{
        SasState, SasVerification, Verification, VerificationRequest, VerificationRequestState,
    },
    ruma::UserId,
};

use super::Person;

impl Person {
    /// Makes cross-signing keys, with the password where the server wants it.
    pub async fn set_up_cross_signing(&self) -> Result<()> {
        let encryption = self.client.encryption();
        if let Err(refusal) = encryption.bootstrap_cross_signing(None).await {
            let session = refusal.as_uiaa_response().context("it says what is needed")?.session.clone();
            encryption.bootstrap_cross_signing(Some(self.proof(session))).await?;
        }
        let signed = async || Ok(self.is_signed().await?.then_some(()));
        self.until("the signature of the device", signed).await
    }

    /// Makes a backup of all keys and waits until it is complete; returns the recovery key.
    pub async fn set_up_recovery(&self) -> Result<String> {
        Ok(self.client.encryption().recovery().enable().wait_for_backups_to_upload().await?)
    }

    /// Whether this device is signed by its owner.
    pub async fn is_signed(&self) -> Result<bool> {
        let device = self.client.encryption().get_own_device().await?.context("the device knows itself")?;
        Ok(device.is_cross_signed_by_owner())
    }

    /// Waits until the identity of a user is known.
    pub async fn until_knows_identity(&self, user: &UserId) -> Result<()> {
        let identity = async || Ok(self.client.encryption().request_user_identity(user).await?.map(|_| ()));
        self.until("an identity", identity).await
    }

    /// Waits until the device of another person, or another one of the same, is known.
    async fn until_knows_device(&self, of: &Person) -> Result<()> {
        let (user, device) = (of.id(), of.device());
        let device = async || Ok(self.client.encryption().get_device(&user, &device).await?.map(|_| ()));
        self.until("a device", device).await
    }

    /// Waits until a user is verified.
    pub async fn until_verified(&self, user: &UserId) -> Result<()> {
        let verified = async || {
            let identity = self.client.encryption().get_user_identity(user).await?;
            Ok(identity.filter(|identity| identity.is_verified()).map(|_| ()))
        };
        self.until("a verification", verified).await
    }

    /// Verifies another person, in the room that is theirs alone, or another device of the same
    /// one, by comparing emoji.
    pub async fn verify(&self, other: &Person) -> Result<()> {
        // What comes from a device that is not known is not taken seriously.
        other.until_knows_device(self).await?;
        let identity = self.client.encryption().get_user_identity(&other.id()).await?.context("an identity")?;
        let request = identity.request_verification().await?;
        let received = other.verification_request(self, request.flow_id()).await?;
        received.accept().await?;
        self.until("consent to a verification", async || Ok(request.is_ready().then_some(()))).await?;
        let ours = request.start_sas().await?.context("both sides can compare emoji")?;
        let theirs = other.until("the start of a verification", async || Ok(begun(&received))).await?;
        theirs.accept().await?;

        let (mine, yours) = try_join(self.emoji(&ours), other.emoji(&theirs)).await?;
        assert_eq!(mine, yours, "both see the same emoji");

        try_join(ours.confirm(), theirs.confirm()).await?;
        self.until("the end of a verification", async || Ok(ours.is_done().then_some(()))).await?;
        other.until("the end of a verification", async || Ok(theirs.is_done().then_some(()))).await
    }

    async fn verification_request(&self, from: &Person, flow: &str) -> Result<VerificationRequest> {
        let (encryption, user) = (self.client.encryption(), from.id());
        let request = async || Ok(encryption.get_verification_request(&user, flow).await);
        self.until("a request for verification", request).await
    }

    async fn emoji(&self, sas: &SasVerification) -> Result<Vec<&'static str>> {
        let emoji = async || match sas.state() {
            SasState::Cancelled(cancelled) => bail!("it was cancelled: {}", cancelled.reason()),
            _ => Ok(sas.emoji().map(|emoji| emoji.map(|emoji| emoji.symbol).to_vec())),
        };
        self.until("emoji", emoji).await
    }
}

/// The comparison of emoji that the other side has begun.
fn begun(request: &VerificationRequest) -> Option<SasVerification> {
    match request.state() {
        VerificationRequestState::Transitioned { verification: Verification::SasV1(sas), .. } => Some(sas),
        _ => None,
    }
}
