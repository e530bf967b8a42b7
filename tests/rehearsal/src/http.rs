//! The one HTTP client of this crate, for servers on 127.0.0.1.

use crate::{Error, Result};

/// A client that ignores the user's proxies.
pub(crate) fn client() -> Result<reqwest::Client> {
    // Fails only when another provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .map_err(|error| Error::new("making an HTTP client", error))
}
