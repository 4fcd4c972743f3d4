//! What is measured, for Prometheus. Each server has a registry of its own; nothing is global.

use std::{fmt, sync::Arc, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

/// The methods that are told apart.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"];

/// The measurements of one server; clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Measurements>);

struct Measurements {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<EndpointLabels, Histogram, fn() -> Histogram>,
    lost_audit_events: Counter,
    batch_jobs: Histogram,
    batch_seconds: Histogram,
    password_hashes: Counter,
    parked_requests: Gauge,
    open_connections: Gauge,
    idle_connections: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    endpoint: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabels {
    method: String,
    endpoint: String,
}

/// What is looked at when somebody asks, because it is known all the time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Levels {
    /// Requests that wait for news.
    pub parked_requests: usize,
    /// Connections to the database.
    pub open_connections: usize,
    /// Those of them that nobody uses.
    pub idle_connections: usize,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(…)")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("salon");
        let all = Measurements {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            lost_audit_events: Counter::default(),
            batch_jobs: Histogram::new(exponential_buckets(1.0, 2.0, 8)),
            batch_seconds: seconds(),
            password_hashes: Counter::default(),
            parked_requests: Gauge::default(),
            open_connections: Gauge::default(),
            idle_connections: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Answered requests", all.requests.clone());
        let help = "Time until the answer began, waiting for news included";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, all.request_seconds.clone());
        let help = "Security events that could not be noted";
        registry.register("audit_lost_events", help, all.lost_audit_events.clone());
        registry.register("log_batch_jobs", "Jobs that were committed together", all.batch_jobs.clone());
        let help = "Time to write and commit a batch";
        registry.register_with_unit("log_batch_duration", help, Unit::Seconds, all.batch_seconds.clone());
        let help = "Passwords that were hashed, to be stored or compared";
        registry.register("password_hashes", help, all.password_hashes.clone());
        registry.register("parked_requests", "Requests that wait for news", all.parked_requests.clone());
        registry.register("database_connections", "Connections to the database", all.open_connections.clone());
        registry.register(
            "database_connections_idle",
            "Connections to the database that nobody uses",
            all.idle_connections.clone(),
        );
        Self(Arc::new(Measurements { registry, ..all }))
    }
}

impl Metrics {
    /// Counts a request to `endpoint`, a path with its parameters in braces, that took `duration`.
    pub fn request(&self, method: &str, endpoint: &str, status: u16, duration: Duration) {
        // Whoever sends requests must not be able to make up labels, which cost memory for good.
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or("other");
        let (method, endpoint) = (method.to_owned(), endpoint.to_owned());
        let of_endpoint = EndpointLabels { method: method.clone(), endpoint: endpoint.clone() };
        self.0.request_seconds.get_or_create(&of_endpoint).observe(duration.as_secs_f64());
        self.0.requests.get_or_create(&RequestLabels { method, endpoint, status }).inc();
    }

    /// Counts a security event that could not be noted.
    pub fn lost_audit_event(&self) {
        self.0.lost_audit_events.inc();
    }

    /// Counts a batch of the log.
    pub fn batch(&self, jobs: usize, duration: Duration) {
        self.0.batch_jobs.observe(f64::from(u32::try_from(jobs).unwrap_or(u32::MAX)));
        self.0.batch_seconds.observe(duration.as_secs_f64());
    }

    /// Counts the hashing of a password, which is most of what a login costs.
    pub fn password_hash(&self) {
        self.0.password_hashes.inc();
    }

    /// How many passwords were hashed so far.
    pub fn password_hashes(&self) -> u64 {
        self.0.password_hashes.get()
    }

    /// Everything in the text format of OpenMetrics, with the levels of now.
    pub fn render(&self, now: Levels) -> String {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.0.parked_requests.set(count(now.parked_requests));
        self.0.open_connections.set(count(now.open_connections));
        self.0.idle_connections.set(count(now.idle_connections));
        let mut text = String::new();
        text::encode(&mut text, &self.0.registry).expect("writing to a string cannot fail");
        text
    }
}

/// From a millisecond to half a minute, the longest that a client waits for news.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_servers_measure_apart() {
        let [here, there] = [Metrics::default(), Metrics::default()];

        here.request("GET", "/rooms/{room_id}", 200, Duration::from_millis(3));
        here.batch(5, Duration::from_millis(2));

        let text = here.render(Levels { parked_requests: 7, ..Levels::default() });
        let expected = r#"salon_http_requests_total{method="GET",endpoint="/rooms/{room_id}",status="200"} 1"#;
        assert!(text.contains(expected), "{text}");
        assert!(text.contains(r#"salon_http_request_duration_seconds_bucket{le="0.004",method="GET""#), "{text}");
        assert!(text.contains("salon_log_batch_jobs_sum 5.0"), "{text}");
        assert!(text.contains("salon_parked_requests 7"), "{text}");
        assert!(!there.render(Levels::default()).contains("/rooms/{room_id}"));
    }
}
