//! All simulators in one process.

use simulators::recorder::{Api, Fault, FaultKind};
use simulators::{Simulators, SimulatorsConfig};

fn client(ca_pem: &str) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ca = reqwest::Certificate::from_pem(ca_pem.as_bytes()).unwrap();
    reqwest::Client::builder().tls_certs_only([ca]).build().unwrap()
}

#[tokio::test]
async fn the_vendors_speak_tls_that_only_their_own_authority_vouches_for() {
    let simulators = Simulators::start(SimulatorsConfig::default()).await.unwrap();
    let trusting = client(&simulators.ca_pem);
    for url in [&simulators.hcp_url, &simulators.hcp_auth_url, &simulators.aiven_url] {
        assert!(url.starts_with("https://127.0.0.1:"), "{url}");
        assert!(trusting.get(url).send().await.unwrap().status().is_client_error());
        let by_name = url.replace("127.0.0.1", "localhost");
        assert!(trusting.get(&by_name).send().await.unwrap().status().is_client_error());
    }
    let another = Simulators::start(SimulatorsConfig::default()).await.unwrap();
    let error = client(&another.ca_pem)
        .get(&simulators.hcp_url)
        .send()
        .await
        .unwrap_err();
    assert!(error.is_connect(), "{error:?}");
}

#[tokio::test]
async fn a_tls_connection_is_cut_as_well() {
    let simulators = Simulators::start(SimulatorsConfig::default()).await.unwrap();
    simulators.recorder.inject(Fault {
        api: Api::Hcp,
        operation: None,
        kth: Some(1),
        kind: FaultKind::ResetBefore,
    });
    let trusting = client(&simulators.ca_pem);
    assert!(trusting.get(&simulators.hcp_url).send().await.is_err());
    assert!(
        trusting
            .get(&simulators.hcp_url)
            .send()
            .await
            .unwrap()
            .status()
            .is_client_error()
    );
}
