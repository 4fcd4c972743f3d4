//! Tests of which addresses are never connected to.

use url::Url;

use super::{Forbidden, Resolve};
use crate::config::Outgoing;

fn forbidden() -> Forbidden {
    Forbidden(Outgoing::default().forbidden_ranges.into())
}

#[test]
fn addresses_of_private_networks_are_refused_however_they_are_written() {
    for url in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://10.1.2.3:8080/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
    ] {
        let url = Url::parse(url).expect("a URL");
        assert!(forbidden().check(&url).is_err(), "{url}");
    }
}

#[test]
fn public_addresses_and_names_pass() {
    for url in ["https://1.1.1.1/", "https://[2606:4700:4700::1111]/", "https://push.example.org/"] {
        let url = Url::parse(url).expect("a URL");
        assert!(forbidden().check(&url).is_ok(), "{url}");
    }
}

#[tokio::test]
async fn names_that_lead_to_private_networks_are_refused() {
    let name = "localhost".parse().expect("a name");

    assert!(forbidden().resolve(name).await.is_err());
}
