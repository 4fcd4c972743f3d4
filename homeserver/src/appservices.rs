//! Tells application services what happens. Application service API, "Pushing events".

mod backoff;
mod interests;
mod pages;
mod transaction;
mod worker;

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::Notify;

use self::worker::Worker;
use crate::{
    Result, accounts::appservices::AppService, clock::Clock, remote::appservices::AppServiceClient, rooms::Rooms,
    storage::Storage, tail::Tail, tasks::Tasks,
};

/// What telling application services needs.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each part is described where it is defined")]
pub struct Sources {
    pub storage: Storage,
    pub clock: Clock,
    pub tail: Tail,
    pub rooms: Rooms,
    pub client: AppServiceClient,
}

/// Application services that are told what happens; clones share them.
#[derive(Clone, Debug)]
pub struct AppServices {
    client: AppServiceClient,
    /// Rung when an application service is known to be there, by its ID.
    present: Arc<HashMap<String, Arc<Notify>>>,
}

impl AppServices {
    /// Starts a worker for each application service that has a URL.
    pub fn start(sources: &Sources, tasks: &Tasks) -> Self {
        let mut present = HashMap::new();
        let known = sources.client.known().iter();
        for service in known.filter(|service| service.url.is_some()) {
            let worker = Worker::new(sources.clone(), service.clone());
            present.insert(service.id.clone(), worker.present());
            let worker = Arc::new(worker);
            tasks.start("appservice", move |stop| {
                let worker = worker.clone();
                async move { worker.run(stop).await }
            });
        }
        Self { client: sources.client.clone(), present: Arc::new(present) }
    }

    /// Finds out whether an application service is there, at its own request. What it could not be
    /// told while it was away, it is told then.
    pub async fn ping(&self, service: &AppService, transaction_id: Option<&str>) -> Result<Duration> {
        let duration = self.client.ping(service, transaction_id).await?;
        if let Some(present) = self.present.get(&service.id) {
            present.notify_one();
        }
        Ok(duration)
    }
}
