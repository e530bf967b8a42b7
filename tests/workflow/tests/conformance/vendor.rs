//! What the shared tests need to know of each vendor: names of its calls, its words, and how to change its world past the API.

use serde_json::{Value, json};
use shared::document::Additions;
use simulators::recorder::Api;
use simulators::{Simulators, aiven, hcp};

pub(crate) const OURS: &str = "arn:aws:iam::111122223333:root";
pub(crate) const THEIRS: &str = "arn:aws:iam::444455556666:root";

/// The vendor under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vendor {
    Hcp,
    Aiven,
}

/// A kind of call to the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// Reads the PrivateLink service.
    Look,
    Create,
    Extend,
    Delete,
    /// Reads the vendor's service that is connected to: the cluster, the Aiven service.
    Target,
}

/// The vendor's words for a state of its PrivateLink service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) creating: &'static str,
    pub(crate) deleting: &'static str,
}

impl Vendor {
    pub(crate) const ALL: [Self; 2] = [Self::Hcp, Self::Aiven];

    pub(crate) fn api(self) -> Api {
        match self {
            Self::Hcp => Api::Hcp,
            Self::Aiven => Api::Aiven,
        }
    }

    /// The example that a user copies.
    pub(crate) fn example(self) -> Value {
        let text = match self {
            Self::Hcp => include_str!("../../../../examples/hcp-vault.json"),
            Self::Aiven => include_str!("../../../../examples/aiven-kafka.json"),
        };
        serde_json::from_str(text).unwrap()
    }

    pub(crate) fn op(self, op: Op) -> &'static str {
        match (self, op) {
            (Self::Hcp, Op::Look) => "ListPrivateLinkService",
            (Self::Hcp, Op::Create) => "CreatePrivateLinkService",
            (Self::Hcp, Op::Extend) => "UpdatePrivateLinkService",
            (Self::Hcp, Op::Delete) => "DeletePrivateLinkService",
            (Self::Hcp, Op::Target) => "GetCluster",
            (Self::Aiven, Op::Look) => "ServicePrivatelinkAWSGet",
            (Self::Aiven, Op::Create) => "ServicePrivatelinkAWSCreate",
            (Self::Aiven, Op::Extend) => "ServicePrivatelinkAWSUpdate",
            (Self::Aiven, Op::Delete) => "ServicePrivatelinkAWSDelete",
            (Self::Aiven, Op::Target) => "ServiceGet",
        }
    }

    pub(crate) fn words(self) -> Words {
        match self {
            Self::Hcp => Words {
                creating: "CREATING",
                deleting: "DELETING",
            },
            Self::Aiven => Words {
                creating: "creating",
                deleting: "deleting",
            },
        }
    }

    /// The field of the request with the principals.
    pub(crate) fn principals_field(self) -> &'static str {
        match self {
            Self::Hcp => "consumer_accounts",
            Self::Aiven => "principals",
        }
    }

    /// The secret's value that the vendor accepts.
    pub(crate) fn secret(self) -> Value {
        match self {
            Self::Hcp => json!({"client_id": hcp::CLIENT_ID, "client_secret": hcp::CLIENT_SECRET}),
            Self::Aiven => json!({"token": aiven::TOKEN}),
        }
    }

    /// An answer to [`Op::Look`] with the service in this state.
    pub(crate) fn answer_in_state(self, state: &str) -> String {
        match self {
            Self::Hcp => json!({"private_link_services": [{
                "id": "pl-acme-vault", "vault_cluster_id": hcp::CLUSTER_ID, "state": state, "default_region": hcp::REGION,
            }]}),
            Self::Aiven => json!({"state": state, "principals": [OURS], "aws_service_id": null, "aws_service_name": null}),
        }
        .to_string()
    }

    /// Somebody else's service is there, available, for these principals.
    pub(crate) fn seed(self, sims: &Simulators, principals: &[&str]) {
        match self {
            Self::Hcp => {
                let mut link = hcp::PrivateLink::available("their-link", hcp::HVN_ID, hcp::CLUSTER_ID, principals);
                link.consumer_ip_ranges = vec!["10.99.0.0/16".into()];
                link.consumer_regions = vec!["us-west-2".into()];
                hcp_project(sims, |project| project.links.insert(link.id.clone(), link));
            }
            Self::Aiven => aiven_service(sims, |service| {
                let mut link = aiven::PrivateLink::active(principals, &[]);
                link.supported_regions = vec!["us-west-2".into()];
                service.privatelink = Some(link);
                service.user_config["privatelink_access"] = json!({"kafka_rest": true});
            }),
        }
    }

    /// What the service's lists hold; none without a service. Components stay when the service goes.
    pub(crate) fn lists(self, sims: &Simulators) -> Option<Additions> {
        match self {
            Self::Hcp => hcp_project(sims, |project| {
                let link = project
                    .links
                    .values()
                    .find(|link| link.vault_cluster_id == hcp::CLUSTER_ID)?;
                Some(Additions {
                    principals: link.consumer_accounts.clone(),
                    ip_ranges: link.consumer_ip_ranges.clone(),
                    regions: link.consumer_regions.clone(),
                    components: Vec::new(),
                })
            }),
            Self::Aiven => aiven_service(sims, |service| {
                let link = service.privatelink.as_ref()?;
                Some(Additions {
                    principals: link.principals.clone(),
                    ip_ranges: Vec::new(),
                    regions: link.supported_regions.clone(),
                    components: switched_on(service),
                })
            }),
        }
    }

    /// Somebody changes the principals by hand.
    pub(crate) fn set_principals(self, sims: &Simulators, principals: &[&str]) {
        let principals: Vec<String> = principals.iter().map(|&p| p.to_owned()).collect();
        match self {
            Self::Hcp => hcp_project(sims, |project| {
                let link = project
                    .links
                    .values_mut()
                    .find(|link| link.vault_cluster_id == hcp::CLUSTER_ID);
                link.unwrap().consumer_accounts = principals;
            }),
            Self::Aiven => aiven_service(sims, |service| {
                service.privatelink.as_mut().unwrap().principals = principals
            }),
        }
    }

    /// The endpoint service, `vpce-svc-…`.
    pub(crate) fn endpoint_service(self, sims: &Simulators) -> Option<String> {
        match self {
            Self::Hcp => hcp_project(sims, |project| {
                let link = project
                    .links
                    .values()
                    .find(|link| link.vault_cluster_id == hcp::CLUSTER_ID)?;
                link.service_id.clone()
            }),
            Self::Aiven => aiven_service(sims, |service| service.privatelink.as_ref()?.aws_service_id.clone()),
        }
    }

    /// The vendor's whole service is gone, and what it had with it.
    pub(crate) fn forget_target(self, sims: &Simulators) {
        match self {
            Self::Hcp => hcp_project(sims, |project| {
                project.links.clear();
                project.clusters.clear();
                project.networks.clear();
            }),
            Self::Aiven => aiven_project(sims, |project| project.services.clear()),
        }
    }

    /// The credentials may read only from now on.
    pub(crate) fn take_write_permission(self, sims: &Simulators) {
        match self {
            Self::Hcp => {
                let mut world = sims.hcp.world();
                let roles = &mut world.service_principals[0].roles;
                roles.insert(hcp::PROJECT_ID.to_owned(), hcp::Role::Viewer);
            }
            Self::Aiven => {
                let mut world = sims.aiven.world();
                let grant = world.tokens.get_mut(aiven::TOKEN).unwrap();
                grant.permissions = Some([String::from("project:services:read")].into());
            }
        }
    }

    /// The credentials of the world are others from now on; the answer is the secret's value for them.
    pub(crate) fn rotate(self, sims: &Simulators) -> Value {
        match self {
            Self::Hcp => {
                let mut world = sims.hcp.world();
                world.service_principals[0].client_secret = format!("{}-2", hcp::CLIENT_SECRET);
                world.revoke_tokens();
                json!({"client_id": hcp::CLIENT_ID, "client_secret": format!("{}-2", hcp::CLIENT_SECRET)})
            }
            Self::Aiven => {
                let mut world = sims.aiven.world();
                let grant = world.tokens.remove(aiven::TOKEN).unwrap();
                let token = format!("{}-2", aiven::TOKEN);
                world.tokens.insert(token.clone(), grant);
                json!({"token": token})
            }
        }
    }

    /// The vendor refuses to create from now on, in these words.
    pub(crate) fn forbid_creation(self, sims: &Simulators) -> &'static str {
        match self {
            Self::Hcp => {
                hcp_network(sims, |network| network.peerings.push(peering("ACTIVE")));
                "PrivateLink cannot be used on an HVN with a peering or transit gateway attachment"
            }
            Self::Aiven => {
                aiven_project(sims, |project| {
                    project.vpcs.get_mut(aiven::PROJECT_VPC_ID).unwrap().state = "APPROVED".into();
                });
                "is in state APPROVED, not ACTIVE"
            }
        }
    }
}

pub(crate) fn peering(state: &str) -> hcp::Peering {
    hcp::Peering {
        id: "acme-peering".into(),
        state: state.into(),
        account_id: "111122223333".into(),
        vpc_id: "vpc-0a1b2c3d4e5f60718".into(),
        cidr: "10.20.0.0/16".into(),
    }
}

pub(crate) fn hcp_project<R>(sims: &Simulators, act: impl FnOnce(&mut hcp::Project) -> R) -> R {
    act(sims.hcp.world().projects.get_mut(hcp::PROJECT_ID).unwrap())
}

pub(crate) fn hcp_network<R>(sims: &Simulators, act: impl FnOnce(&mut hcp::Network) -> R) -> R {
    hcp_project(sims, |project| act(project.networks.get_mut(hcp::HVN_ID).unwrap()))
}

pub(crate) fn hcp_cluster<R>(sims: &Simulators, act: impl FnOnce(&mut hcp::Cluster) -> R) -> R {
    hcp_project(sims, |project| act(project.clusters.get_mut(hcp::CLUSTER_ID).unwrap()))
}

pub(crate) fn aiven_project<R>(sims: &Simulators, act: impl FnOnce(&mut aiven::Project) -> R) -> R {
    act(sims.aiven.world().projects.get_mut(aiven::PROJECT).unwrap())
}

pub(crate) fn aiven_service<R>(sims: &Simulators, act: impl FnOnce(&mut aiven::Service) -> R) -> R {
    aiven_project(sims, |project| {
        act(project.services.get_mut(aiven::KAFKA_SERVICE).unwrap())
    })
}

/// The components that the service lets in over PrivateLink.
pub(crate) fn switched_on(service: &aiven::Service) -> Vec<String> {
    let access = service.user_config.get("privatelink_access").and_then(Value::as_object);
    access
        .into_iter()
        .flatten()
        .filter(|(_, on)| **on == true)
        .map(|(name, _)| name.clone())
        .collect()
}
