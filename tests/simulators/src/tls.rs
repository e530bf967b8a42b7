//! A certificate authority that lives as long as the process, and the server certificate it signs.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::TlsAcceptor;

/// The authority that clients have to trust.
#[derive(Clone)]
pub struct Ca {
    /// The authority's certificate, PEM.
    pub pem: String,
    acceptor: TlsAcceptor,
}

impl Ca {
    /// A new authority and, signed by it, one server certificate for `127.0.0.1` and `localhost`.
    ///
    /// # Errors
    /// When no key or certificate can be made; not expected.
    pub fn new() -> io::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params
            .distinguished_name
            .push(DnType::CommonName, "PrivateLink simulators, for this run only");
        let ca_key = KeyPair::generate().map_err(io::Error::other)?;
        let ca = params.self_signed(&ca_key).map_err(io::Error::other)?;
        let issuer = Issuer::new(params, ca_key);

        let mut leaf =
            CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).map_err(io::Error::other)?;
        leaf.distinguished_name.push(DnType::CommonName, "localhost");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Python's ssl in strict mode refuses a leaf without it.
        leaf.use_authority_key_identifier_extension = true;
        let leaf_key = KeyPair::generate().map_err(io::Error::other)?;
        let leaf = leaf.signed_by(&leaf_key, &issuer).map_err(io::Error::other)?;

        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivatePkcs8KeyDer::from(leaf_key.serialize_der()).into(),
            )
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            pem: ca.pem(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// What a server needs to speak TLS.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }
}
