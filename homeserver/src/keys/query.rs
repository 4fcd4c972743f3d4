//! Hands out the identity keys of devices and users, with the signatures that the asker may see.

use std::collections::{BTreeMap, HashMap};

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, OwnedDeviceId, OwnedUserId, UserId,
    api::client::keys::get_keys::v3::Response,
};

use super::{ByServer, Keys, signed::Signed};
use crate::{
    Result,
    storage::{
        keys::identity::{self, CrossSigningKind, KeySignature},
        numbers::UserNid,
    },
};

/// Whose keys are wanted, and of which devices; none means all.
pub type WantedDevices = BTreeMap<OwnedUserId, Vec<OwnedDeviceId>>;

/// Signatures by the user and the key that are signed.
type Signatures = HashMap<(UserNid, String), Vec<KeySignature>>;

impl Keys {
    /// The keys of the wanted devices and of their users, as `asker` may see them.
    ///
    /// This is where federation comes in: it asks the servers of the remote users, which count as
    /// out of reach here.
    pub async fn query(&self, asker: UserNid, wanted: WantedDevices) -> Result<Response> {
        let wanted = ByServer::new(&self.server_name, wanted);
        let mut response = self.query_local(Some(asker), &wanted.local).await?;
        response.failures = wanted.failures();
        Ok(response)
    }

    /// The same for local users; a server that asks is not an `asker`. Unknown users are left out,
    /// others are there even if they have no devices.
    pub async fn query_local(&self, asker: Option<UserNid>, wanted: &WantedDevices) -> Result<Response> {
        let user_ids: Vec<&UserId> = wanted.keys().map(|user_id| &**user_id).collect();
        let mut conn = self.storage.conn().await?;
        let users: HashMap<UserNid, OwnedUserId> =
            identity::list_local_users(&mut conn, &user_ids).await?.into_iter().map(|(id, nid)| (nid, id)).collect();
        let nids: Vec<UserNid> = users.keys().copied().collect();
        let devices = identity::list_device_keys(&mut conn, &nids).await?;
        let cross_signing_keys = identity::list_cross_signing_keys(&mut conn, &nids).await?;
        let visible = identity::list_signatures(&mut conn, &nids, asker).await?;
        drop(conn);

        let mut signatures = Signatures::new();
        for signature in visible {
            signatures.entry((signature.target, signature.target_key.clone())).or_default().push(signature);
        }
        let mut response = Response::new();
        for user_id in users.values() {
            response.device_keys.insert(user_id.clone(), BTreeMap::new());
        }
        for device in devices {
            let user_id = &users[&device.user];
            if wanted[user_id].is_empty() || wanted[user_id].contains(&device.device_id) {
                let added = signatures.remove(&(device.user, device.device_id.to_string())).unwrap_or_default();
                let keys = with_name(load(&device.json, added)?, device.display_name).to_raw();
                response.device_keys.entry(user_id.clone()).or_default().insert(device.device_id, keys);
            }
        }
        for key in cross_signing_keys {
            let keys = match key.kind {
                CrossSigningKind::Master => &mut response.master_keys,
                CrossSigningKind::SelfSigning => &mut response.self_signing_keys,
                CrossSigningKind::UserSigning if asker == Some(key.user) => &mut response.user_signing_keys,
                // Whom others have verified is nobody's business.
                CrossSigningKind::UserSigning => continue,
            };
            let added = signatures.remove(&(key.user, key.public_key)).unwrap_or_default();
            keys.insert(users[&key.user].clone(), load(&key.json, added)?.to_raw());
        }
        Ok(response)
    }
}

fn load(json: &str, added: Vec<KeySignature>) -> Result<Signed> {
    let mut signed = Signed::load(json)?;
    for KeySignature { signer, signer_key, signature, .. } in added {
        signed.add_signature(&signer, &signer_key, signature);
    }
    Ok(signed)
}

fn with_name(mut device: Signed, name: Option<String>) -> Signed {
    let name = name.map(|name| ("device_display_name".to_owned(), CanonicalJsonValue::String(name)));
    device.set_unsigned(CanonicalJsonObject::from_iter(name));
    device
}
