//! A site on the web: a small HTTP server with a few pages that never change.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::listener::{self, Reply};

/// A running site.
#[derive(Debug)]
pub struct TestWebsite {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl TestWebsite {
    /// Starts a site that has at each path something of a content type. What begins with `location:` in place
    /// of that sends visitors on.
    pub async fn start(pages: Vec<(&'static str, &'static str, Vec<u8>)>) -> Self {
        let requests: Arc<AtomicUsize> = Arc::default();
        let counted = requests.clone();
        let address = listener::start_plain(move |request| {
            counted.fetch_add(1, Ordering::Relaxed);
            let page = pages.iter().find(|(path, ..)| *path == request.path);
            let reply = match page {
                None => Reply { status: 404, headers: Vec::new(), body: Vec::new() },
                Some((_, kind, body)) => match kind.strip_prefix("location:") {
                    Some(to) => Reply { status: 302, headers: vec![("location", to.to_owned())], body: Vec::new() },
                    None => {
                        Reply { status: 200, headers: vec![("content-type", (*kind).to_owned())], body: body.clone() }
                    }
                },
            };
            async move { reply }
        })
        .await;
        Self { address, requests }
    }

    /// The address of a page.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}
