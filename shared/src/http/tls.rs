//! Whom to trust, and by what protocol.
//!
//! Mozilla's roots are compiled in: the machine's own are PEM that is read and parsed at every cold start, which took a start of
//! 3.3 ms to 4.1. What that trades away: a CA that Mozilla adds or distrusts is added or distrusted here only by a build with a
//! newer `webpki-roots` and a deployment of it, while the machine's list changes with the Lambda runtime. The feature
//! `native-roots` takes the machine's.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CipherSuite, ClientConfig, RootCertStore};

use crate::settings::Settings;
use crate::{Error, Result};

/// Trust and protocol, made once in a process and shared by its clients.
#[derive(Clone)]
pub struct Tls(ClientConfig);

impl Tls {
    /// Trusts Mozilla's roots, see the module, and the stack's extra CAs if it names any.
    ///
    /// # Errors
    /// `Unexpected` when the extra CA file cannot be read or holds no certificate.
    pub fn new(settings: &Settings) -> Result<Self> {
        let mut roots = roots();
        if let Some(path) = &settings.extra_ca_file {
            let wrong = |why: String| {
                Error::unexpected(format!(
                    "the extra CA file {path} {why}: correct the stack's ExtraCaFile."
                ))
            };
            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|e| wrong(format!("cannot be read ({e})")))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|e| wrong(format!("is not PEM ({e})")))?;
                roots
                    .add(certificate)
                    .map_err(|e| wrong(format!("holds a certificate that is not a CA's ({e})")))?;
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::unexpected(format!("TLS cannot be set up ({e}): this is a defect of the workflow.")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(config))
    }

    pub(super) fn config(&self) -> ClientConfig {
        self.0.clone()
    }
}

/// ring's, but AES-128 with SHA-256 is offered first, as browsers do: its hash is an instruction of the processor, SHA-384 is not.
fn provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    provider
}

#[cfg(not(feature = "native-roots"))]
fn roots() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

#[cfg(feature = "native-roots")]
fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // One that cannot be read or is no CA's is not trusted; a remote that needs it is then refused by name.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
