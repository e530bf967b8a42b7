//! What preflight refuses: each with the field of the request that it is about and words for a person, and nothing written.

use serde_json::{Value, json};
use shared::ErrorName;
use shared::plan::Check;
use simulators::{Simulators, aiven, hcp};

use crate::rig::{Rig, failure, still};
use crate::vendor::{OURS, Vendor, aiven_service, hcp_cluster, hcp_network, hcp_project, peering};

/// What does not fit, and how it is told.
struct Refusal {
    /// Changes the world.
    world: fn(&Simulators),
    /// Changes the example.
    request: fn(&mut Value),
    name: ErrorName,
    /// A line of the message starts with it.
    path: &'static str,
    words: &'static str,
}

const NO_CHANGE: Refusal = Refusal {
    world: |_| {},
    request: |_| {},
    name: ErrorName::InvalidRequest,
    path: "",
    words: "",
};

async fn refuses(vendor: Vendor, table: &[Refusal]) {
    for refusal in table {
        let Refusal { path, words, .. } = refusal;
        println!("{path} {words}");
        let mut rig = Rig::start(vendor, still).await;
        (refusal.world)(&rig.sims);
        rig.ask(refusal.request);
        let error = failure(rig.checked(rig.provider().await.preflight().await), &[words]);
        assert_eq!(error.name, refusal.name, "{error}");
        let line = error.message.lines().find(|line| line.contains(words)).unwrap();
        assert!(line.starts_with(&format!("{path}: ")), "{path} in: {error}");
        let checks = Check::of_error(&error);
        assert!(
            checks
                .iter()
                .any(|check| check.path.as_deref() == Some(*path) && check.message.contains(words)),
            "{checks:?}"
        );
        assert_eq!(rig.writes(), 0);
    }
}

#[tokio::test]
async fn what_does_not_fit_at_hcp() {
    const HVN: &str = "/provider/hvn_id";
    const CLUSTER: &str = "/provider/vault_cluster_id";
    const LINK: &str = "/provider/private_link_service_id";
    let table = [
        Refusal {
            request: |request| request["provider"]["hvn_id"] = json!("other-hvn"),
            path: HVN,
            words: "HCP has no HVN \"other-hvn\"",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| hcp_network(sims, |hvn| hvn.provider = "azure".into()),
            path: HVN,
            words: "is on \"azure\"; AWS PrivateLink needs an HVN on AWS",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| hcp_network(sims, |hvn| hvn.state = "CREATING".into()),
            path: HVN,
            words: "is in the state CREATING; it must be STABLE",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| hcp_network(sims, |hvn| hvn.state = "FAILED".into()),
            path: HVN,
            words: "is in the state FAILED",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| hcp_network(sims, |hvn| hvn.peerings.push(peering("PENDING_ACCEPTANCE"))),
            path: HVN,
            words: "peering \"acme-peering\" (PENDING_ACCEPTANCE)",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| {
                hcp_network(sims, |hvn| {
                    hvn.tgw_attachments.push(hcp::TgwAttachment {
                        id: "acme-tgw".into(),
                        state: "ACTIVE".into(),
                        account_id: "111122223333".into(),
                        tgw_id: "tgw-0a1b2c3d4e5f60718".into(),
                    });
                });
            },
            path: HVN,
            words: "transit gateway attachment \"acme-tgw\" (ACTIVE)",
            ..NO_CHANGE
        },
        Refusal {
            request: |request| request["provider"]["vault_cluster_id"] = json!("other-vault"),
            path: CLUSTER,
            words: "HCP has no Vault cluster \"other-vault\"",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| hcp_cluster(sims, |cluster| cluster.state = "SEALED".into()),
            path: CLUSTER,
            words: "is in the state SEALED; it must be RUNNING",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| hcp_cluster(sims, |cluster| cluster.state = "UPDATING".into()),
            path: CLUSTER,
            words: "is in the state UPDATING",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| hcp_cluster(sims, |cluster| cluster.tier = "DEV".into()),
            path: CLUSTER,
            words: "is of the tier Development (DEV)",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| hcp_cluster(sims, |cluster| cluster.tier = "STARTER_SMALL".into()),
            path: CLUSTER,
            words: "is of the tier STARTER_SMALL",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| hcp_cluster(sims, |cluster| cluster.private_dns.clear()),
            path: CLUSTER,
            words: "no private address",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| {
                hcp_project(sims, |project| {
                    let mut other = project.networks[hcp::HVN_ID].clone();
                    other.id = "other-hvn".into();
                    project.networks.insert(other.id.clone(), other);
                    project.clusters.get_mut(hcp::CLUSTER_ID).unwrap().network_id = "other-hvn".into();
                });
            },
            path: HVN,
            words: "is in the HVN \"other-hvn\", not in \"acme-hvn\"",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| Vendor::Hcp.seed(sims, &[OURS]),
            request: |request| request["provider"]["private_link_service_id"] = json!("mine"),
            path: LINK,
            words: "has the PrivateLink service \"their-link\" already",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| {
                hcp_project(sims, |project| {
                    let link = hcp::PrivateLink::available("taken", hcp::HVN_ID, "other-vault", &[OURS]);
                    project.links.insert(link.id.clone(), link);
                });
            },
            request: |request| request["provider"]["private_link_service_id"] = json!("taken"),
            path: LINK,
            words: "is taken by the Vault cluster \"other-vault\"",
            ..NO_CHANGE
        },
    ];
    refuses(Vendor::Hcp, &table).await;
}

#[tokio::test]
async fn what_does_not_fit_at_aiven() {
    const SERVICE: &str = "/provider/service_name";
    let table = [
        Refusal {
            request: |request| request["provider"]["project"] = json!("other-project"),
            path: "/provider/project",
            words: "Project does not exist",
            ..NO_CHANGE
        },
        Refusal {
            request: |request| request["provider"]["service_name"] = json!("other-service"),
            path: SERVICE,
            words: "Service other-service does not exist",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| aiven_service(sims, |service| service.state = aiven::ServiceState::Poweroff),
            path: SERVICE,
            words: "is powered off",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| aiven_service(sims, |service| service.state = aiven::ServiceState::Rebalancing),
            path: SERVICE,
            words: "is REBALANCING now; wait",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| aiven_service(sims, |service| service.state = aiven::ServiceState::Rebuilding),
            path: SERVICE,
            words: "is REBUILDING now; wait",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| aiven_service(sims, |service| service.project_vpc_id = None),
            path: SERVICE,
            words: "must be in a project VPC",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| aiven_service(sims, |service| service.cloud_name = "google-europe-west1".into()),
            path: SERVICE,
            words: "is in the cloud \"google-europe-west1\"",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| aiven_service(sims, |service| service.service_type = "flink".into()),
            path: SERVICE,
            words: "of the type flink, for which Aiven does not offer AWS PrivateLink",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| aiven_service(sims, |service| service.service_type = "kafka_mirrormaker".into()),
            path: SERVICE,
            words: "of the type kafka_mirrormaker",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| aiven_service(sims, |service| service.service_type = "newdb".into()),
            path: SERVICE,
            words: "of the type \"newdb\", of which this workflow does not know",
            ..NO_CHANGE
        },
        Refusal {
            request: |request| request["provider"]["components"] = json!(["kafka", "pgbouncer"]),
            path: "/provider/components/1",
            words: "\"pgbouncer\" is no component that a kafka service offers",
            ..NO_CHANGE
        },
        Refusal {
            request: |request| request["provider"]["components"] = json!(["kafka_connect"]),
            path: "/provider/components/0",
            words: "user_config.kafka_connect to true first",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| {
                let full: Vec<String> = (0..16)
                    .map(|i| format!("arn:aws:iam::444455556666:role/r{i}"))
                    .collect();
                let full: Vec<&str> = full.iter().map(String::as_str).collect();
                Vendor::Aiven.seed(sims, &full);
            },
            name: ErrorName::LimitExceeded,
            path: "/provider/principals",
            words: "would be principal 17 of 16",
            ..NO_CHANGE
        },
        Refusal {
            world: |sims| {
                Vendor::Aiven.seed(sims, &[OURS]);
                let regions = ["a", "b", "c", "d"]
                    .into_iter()
                    .flat_map(|area| (1..5).map(move |n| format!("us-{area}-{n}")));
                aiven_service(sims, |service| {
                    service.privatelink.as_mut().unwrap().supported_regions = regions.collect();
                });
            },
            request: |request| request["consumer"]["region"] = json!("us-east-1"),
            name: ErrorName::LimitExceeded,
            path: "/provider/supported_regions",
            words: "would be additional region 17 of 16",
        },
    ];
    refuses(Vendor::Aiven, &table).await;
}

#[tokio::test]
async fn several_things_are_told_at_once() {
    let rig = Rig::start(Vendor::Hcp, still).await;
    hcp_network(&rig.sims, |hvn| hvn.state = "CREATING".into());
    hcp_cluster(&rig.sims, |cluster| cluster.tier = "DEV".into());
    let error = rig.provider().await.preflight().await.unwrap_err();
    let lines: Vec<&str> = error
        .message
        .lines()
        .skip(1)
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(lines, ["/provider/hvn_id", "/provider/vault_cluster_id"], "{error}");

    let rig = Rig::start(Vendor::Aiven, still).await;
    aiven_service(&rig.sims, |service| {
        service.project_vpc_id = None;
        service.state = aiven::ServiceState::Poweroff;
    });
    let error = rig.provider().await.preflight().await.unwrap_err();
    assert_eq!(error.message.lines().skip(1).count(), 2, "{error}");
}

#[tokio::test]
async fn whom_the_vendor_does_not_let_in_is_denied() {
    let rig = Rig::start(Vendor::Hcp, still).await;
    rig.sims.hcp.world().service_principals[0].roles.clear();
    let error = failure(rig.provider().await.preflight().await, &["403", "Contributor"]);
    assert_eq!(error.name, ErrorName::Denied);

    let rig = Rig::start(Vendor::Aiven, still).await;
    rig.sims
        .aiven
        .world()
        .tokens
        .get_mut(aiven::TOKEN)
        .unwrap()
        .projects
        .clear();
    let error = failure(
        rig.provider().await.preflight().await,
        &["Not a project member", "service:configuration:write"],
    );
    assert_eq!(error.name, ErrorName::Denied);
}

#[tokio::test]
async fn an_integration_that_is_missing_is_not_refused() {
    // Prometheus and Jolokia are listed only where they are reachable.
    let mut rig = Rig::start(Vendor::Aiven, still).await;
    rig.ask(|request| request["provider"]["components"] = json!(["kafka", "prometheus"]));
    rig.provider().await.preflight().await.unwrap();
}
