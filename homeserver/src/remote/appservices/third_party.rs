//! Asks application services about the networks they speak for. Application service API,
//! "Third-party networks".

use serde_json::{Map, Value};
use tracing::debug;

use super::{AppServiceClient, Request, segment};
use crate::{Error, Result, accounts::appservices::AppService};

/// Parameters of a question.
pub type Fields = [(String, String)];

impl AppServiceClient {
    /// All networks, by the names of their protocols.
    pub async fn protocols(&self) -> Map<String, Value> {
        let mut names: Vec<&String> = self.known.iter().flat_map(|service| &service.protocols).collect();
        names.sort_unstable();
        names.dedup();
        let mut protocols = Map::new();
        for name in names {
            if let Some(protocol) = self.find_protocol(name).await {
                protocols.insert(name.clone(), protocol);
            }
        }
        protocols
    }

    /// One protocol, as all that speak it describe it together.
    pub async fn protocol(&self, name: &str) -> Result<Value> {
        self.find_protocol(name).await.ok_or_else(|| Error::not_found("Nobody here speaks this protocol."))
    }

    /// Places or people (`locations` or `users` of the specification) on networks of one protocol.
    pub async fn things_of_protocol(&self, kind: &str, protocol: &str, fields: &Fields) -> Result<Vec<Value>> {
        let path = format!("{kind}/{}", segment(protocol));
        self.things(&path, fields, |service| speaks(service, protocol)).await
    }

    /// Places or people on any network that belong to something here.
    pub async fn things_of(&self, kind: &str, fields: &Fields) -> Result<Vec<Value>> {
        self.things(kind, fields, |service| !service.protocols.is_empty()).await
    }

    async fn find_protocol(&self, name: &str) -> Option<Value> {
        let path = format!("protocol/{}", segment(name));
        let mut whole: Option<Value> = None;
        for service in self.known.iter().filter(|service| speaks(service, name)) {
            let Some(mut part) = self.third_party(service, &path, &[]).await.filter(Value::is_object) else {
                continue;
            };
            let mut instances = match part["instances"].take() {
                Value::Array(instances) => instances,
                _ => Vec::new(),
            };
            for instance in &mut instances {
                name_instance(instance, service);
            }
            let whole = whole.get_or_insert_with(|| {
                part["instances"] = Value::Array(Vec::new());
                part
            });
            if let Some(all) = whole["instances"].as_array_mut() {
                all.extend(instances);
            }
        }
        whole
    }

    async fn things(&self, path: &str, fields: &Fields, is_asked: impl Fn(&AppService) -> bool) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        for service in self.known.iter().filter(|service| is_asked(service)) {
            if let Some(Value::Array(things)) = self.third_party(service, path, fields).await {
                found.extend(things.into_iter().filter(Value::is_object));
            }
        }
        if found.is_empty() {
            return Err(Error::not_found("Nothing was found."));
        }
        Ok(found)
    }

    async fn third_party(&self, service: &AppService, path: &str, fields: &Fields) -> Option<Value> {
        service.url.as_ref()?;
        let today = format!("_matrix/app/v1/thirdparty/{path}");
        let former = format!("_matrix/app/unstable/thirdparty/{path}");
        match self.ask(service, Request::get(today, former, fields)).await {
            Ok(answer) if answer.status.is_success() => serde_json::from_slice(&answer.body).ok(),
            Ok(_) => None,
            Err(fault) => {
                debug!(appservice.id = service.id, cause = format!("{fault:#}"), "A look-up was not answered");
                None
            }
        }
    }
}

fn speaks(service: &AppService, protocol: &str) -> bool {
    service.protocols.iter().any(|spoken| spoken == protocol)
}

/// Gives an instance the name by which clients ask for its rooms.
fn name_instance(instance: &mut Value, service: &AppService) {
    if let Some(network) = instance["network_id"].as_str() {
        let name = format!("{}|{network}", service.id);
        instance["instance_id"] = Value::String(name);
    }
}
