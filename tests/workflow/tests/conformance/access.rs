//! Where the components answer over our connection.

use std::collections::BTreeSet;

use shared::ErrorName;
use simulators::aiven::KAFKA_SERVICE;
use simulators::hcp::CLUSTER_PRIVATE_DNS;

use crate::rig::{Rig, both, pending, quick, ready};
use crate::vendor::{Vendor, aiven_service, hcp_project};

#[tokio::test]
async fn every_component_is_named_and_only_over_our_connection() {
    both(quick, async |rig| {
        rig.ensured().await;
        let theirs = rig.connect();
        let ours = rig.connect();
        for endpoint in [&ours, &theirs] {
            let access = rig.accessed(endpoint).await;
            let named: BTreeSet<&str> = access.components.iter().map(|c| c.component.as_str()).collect();
            match rig.vendor {
                Vendor::Hcp => {
                    assert_eq!(named, BTreeSet::from(["vault"]));
                    let url = format!("https://{CLUSTER_PRIVATE_DNS}:8200");
                    assert_eq!(access.components[0].url, Some(url));
                    assert_eq!(access.vendor_connection_id, None);
                }
                Vendor::Aiven => {
                    assert_eq!(named, BTreeSet::from(["kafka", "schema_registry"]));
                    let (id, number) = connection(&rig, &endpoint.endpoint_id);
                    assert_eq!(access.vendor_connection_id, Some(id));
                    let host = format!("privatelink-{number}-{KAFKA_SERVICE}-acme-prod.a.aivencloud.com");
                    assert!(
                        access.components.iter().all(|c| c.host == host),
                        "{:?}",
                        access.components
                    );
                }
            }
        }
    })
    .await;
}

/// Aiven's id and number of an endpoint's connection.
fn connection(rig: &Rig, endpoint_id: &str) -> (String, u32) {
    aiven_service(&rig.sims, |service| {
        let connections = &service.privatelink.as_ref().unwrap().connections;
        let found = connections.iter().find(|c| c.vpc_endpoint_id == endpoint_id).unwrap();
        (found.id.clone(), found.number)
    })
}

#[tokio::test]
async fn asked_again_it_is_the_same_and_nothing_is_written() {
    both(quick, async |rig| {
        rig.ensured().await;
        let endpoint = rig.connect();
        let access = rig.accessed(&endpoint).await;
        rig.sims.recorder.clear_calls();
        assert_eq!(ready(rig.access(&endpoint, 1).await), access);
        assert_eq!(rig.writes(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_service_that_somebody_deleted_meanwhile_is_told() {
    both(quick, async |rig| {
        rig.ensured().await;
        let endpoint = rig.connect();
        match rig.vendor {
            Vendor::Hcp => {
                hcp_project(&rig.sims, |project| project.links.clear());
                let error = rig.access(&endpoint, 1).await.unwrap_err();
                assert_eq!(error.name, ErrorName::Rejected);
                assert!(error.message.contains("somebody deleted it"), "{error}");
            }
            // Aiven's 404 may also be one that passes.
            Vendor::Aiven => {
                aiven_service(&rig.sims, |service| service.privatelink = None);
                let waiting = pending(rig.access(&endpoint, 4).await);
                assert_eq!(waiting.state, "absent");
                assert!(waiting.reason.contains("somebody deleted it"), "{}", waiting.reason);
            }
        }
        assert_eq!(rig.writes(), 1, "the creation alone");
    })
    .await;
}

#[tokio::test]
async fn where_clients_get_credentials_is_a_sentence_about_this_service() {
    both(quick, async |rig| {
        let provider = rig.provider().await;
        let credentials = provider.credentials();
        match rig.vendor {
            Vendor::Hcp => {
                assert!(credentials.contains("VAULT_ADDR"));
                assert_eq!(provider.ca_certificate(), None);
            }
            Vendor::Aiven => {
                assert!(credentials.contains(KAFKA_SERVICE), "{credentials}");
                assert!(
                    provider
                        .ca_certificate()
                        .unwrap()
                        .contains("/v1/project/acme-prod/kms/ca")
                );
            }
        }
        assert!(credentials.ends_with('.'), "{credentials}");
    })
    .await;
}
