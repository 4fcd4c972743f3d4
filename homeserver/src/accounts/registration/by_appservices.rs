//! Creates accounts for application services. Application service API, "Server admin style
//! permissions".

use ruma::OwnedUserId;

use super::{NewAccount, Registration, RegistrationRequest};
use crate::{
    Error, Result,
    accounts::{
        appservices::AppService,
        names,
        sessions::{NewSession, Origin, SessionRequest},
    },
    audit::{self, Actor},
    error::ErrorKind,
    storage::accounts::{self, AccountKind},
};

impl Registration {
    /// Registers a user of an application service, without a password and whatever the mode.
    pub async fn by_appservice(
        &self,
        service: &AppService,
        request: RegistrationRequest,
        origin: &audit::Origin,
    ) -> Result<(OwnedUserId, Option<NewSession>)> {
        let name = request.name.ok_or_else(|| Error::missing_param("The member `username` is missing."))?;
        let user_id = names::any_user_id(&name, &self.server_name)?;
        if !service.is_interested_in_user(&user_id) {
            let message = "This user name is not in the application service's namespace.";
            return Err(Error::refused(ErrorKind::Exclusive, message));
        }
        self.appservices.check_user_is_free(&user_id, Some(service))?;
        self.check_free(&user_id).await?;
        let session = request.session.map(|session| SessionRequest { origin: Origin::AppService, ..session });
        let by = Actor::user(&service.sender, None, origin);
        let session = self.create(NewAccount { session, by, ..account(user_id.clone()) }).await?;
        Ok((user_id, session))
    }

    /// Creates the senders of all application services, as far as they are missing.
    pub async fn create_senders(&self) -> Result<()> {
        for service in self.appservices.iter() {
            let exists = accounts::exists(&mut *self.storage.conn().await?, service.sender.localpart()).await?;
            if exists {
                continue;
            }
            match self.create(account(service.sender.clone())).await {
                // Another process was faster.
                Err(Error::Refused { kind: ErrorKind::UserInUse, .. }) => {}
                created => drop(created?),
            }
        }
        Ok(())
    }
}

fn account(user_id: OwnedUserId) -> NewAccount {
    NewAccount { kind: AccountKind::AppService, ..NewAccount::of(user_id, Actor::server()) }
}
