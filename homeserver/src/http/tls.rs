//! The certificate of the HTTPS listeners, read again when its files change.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::Problem;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(5);

/// A certificate with its key; clones share it.
#[derive(Clone, Debug)]
pub struct Certificate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
    /// What the files looked like when they were read last.
    seen: Mutex<Stamp>,
}

/// By what a change of the two files is seen.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    /// Reads the certificate chain and the key; what is wrong with them is named by its option.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, Problem> {
        // Looked at first: what is written meanwhile counts as a change.
        let seen = Mutex::new(stamp([certificate, key]));
        let current = RwLock::new(Arc::new(read(certificate, key)?));
        Ok(Self(Arc::new(Inner { certificate: certificate.to_owned(), key: key.to_owned(), current, seen })))
    }

    /// The settings of a listener, for HTTP/1.1 and HTTP/2. New connections get what is newest.
    pub fn server_config(&self) -> ServerConfig {
        ServerConfig::builder().with_no_client_auth().with_cert_resolver(self.0.clone())
    }

    /// Reads the files again when they have changed. Files that do not fit together, because one of
    /// them is still to be written, leave the last good certificate in place.
    pub fn refresh(&self) {
        let stamp = stamp([&self.0.certificate, &self.0.key]);
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == stamp {
            return;
        }
        match read(&self.0.certificate, &self.0.key) {
            Ok(fresh) => {
                *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
                info!("The TLS certificate was read again");
            }
            Err(problem) => warn!(%problem, "The TLS certificate has changed, but is not usable"),
        }
        *seen = stamp;
    }

    /// Does so all the time.
    pub async fn watch(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => self.refresh(),
                () = stop.cancelled() => return,
            }
        }
    }
}

impl ResolvesServerCert for Inner {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// What the files look like from outside.
fn stamp(files: [&Path; 2]) -> Stamp {
    files.map(|file| {
        let about = fs::metadata(file).ok()?;
        Some((about.modified().ok()?, about.len()))
    })
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, Problem> {
    let of_certificate = |fault: &dyn std::fmt::Display| {
        Problem::new("listeners.certificate", format!("{} is not usable: {fault}", certificate.display()))
    };
    let of_key = |fault: &dyn std::fmt::Display| {
        Problem::new("listeners.key", format!("{} is not usable: {fault}", key.display()))
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|fault| of_certificate(&fault))?;
    if chain.is_empty() {
        return Err(of_certificate(&"it holds no certificate"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|fault| of_key(&fault))?;
    CertifiedKey::from_der(chain, private, &ring::default_provider()).map_err(|fault| of_key(&fault))
}
