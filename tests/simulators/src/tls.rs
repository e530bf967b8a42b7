//! A certificate authority that lives as long as the process, and the server certificate it signs.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256,
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

/// Who signs the server's certificate, and with it what a client has to verify.
struct Chain {
    root: KeyPair,
    intermediate: Option<KeyPair>,
    leaf: KeyPair,
}

impl Ca {
    /// A new authority and, signed by it, one server certificate for `127.0.0.1` and `localhost`.
    ///
    /// # Errors
    /// When no key or certificate can be made; not expected.
    pub fn new() -> io::Result<Self> {
        Self::of(Chain {
            root: KeyPair::generate().map_err(io::Error::other)?,
            intermediate: None,
            leaf: KeyPair::generate().map_err(io::Error::other)?,
        })
    }

    /// The same with an intermediate authority, all three of the given RSA keys (PKCS #8, PEM). ring signs with such a key and can
    /// make none.
    ///
    /// # Errors
    /// When a key cannot be read.
    pub fn of_rsa_keys([root, intermediate, leaf]: &[String; 3]) -> io::Result<Self> {
        let key = |pem: &str| KeyPair::from_pkcs8_pem_and_sign_algo(pem, &PKCS_RSA_SHA256).map_err(io::Error::other);
        Self::of(Chain {
            root: key(root)?,
            intermediate: Some(key(intermediate)?),
            leaf: key(leaf)?,
        })
    }

    fn of(keys: Chain) -> io::Result<Self> {
        let path_length = u8::from(keys.intermediate.is_some());
        let params = authority("PrivateLink simulators, for this run only", path_length);
        let ca = params.self_signed(&keys.root).map_err(io::Error::other)?;
        let mut issuer = Issuer::new(params, keys.root);
        let mut sent = Vec::new();
        if let Some(key) = keys.intermediate {
            let mut params = authority("PrivateLink simulators, intermediate", 0);
            params.use_authority_key_identifier_extension = true;
            let intermediate = params.signed_by(&key, &issuer).map_err(io::Error::other)?;
            sent.push(intermediate.der().clone());
            issuer = Issuer::new(params, key);
        }

        let mut leaf =
            CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).map_err(io::Error::other)?;
        leaf.distinguished_name.push(DnType::CommonName, "localhost");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Python's ssl in strict mode refuses a leaf without it.
        leaf.use_authority_key_identifier_extension = true;
        let certificate = leaf.signed_by(&keys.leaf, &issuer).map_err(io::Error::other)?;
        sent.insert(0, certificate.der().clone());

        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(sent, PrivatePkcs8KeyDer::from(keys.leaf.serialize_der()).into())
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

fn authority(name: &str, path_length: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
