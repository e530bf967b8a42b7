//! What preflight demands of the HVN, the cluster and the PrivateLink services, by the guide's limitations.
//!
//! HCP refuses these itself, but later and in words that nobody has published; here each has the field of the request.

use super::lists;
use super::problems::Problem;
use super::wire::{Attachment, Cluster, Link, LinkState, Network};
use crate::request::HcpVault;
use crate::{Error, Result};

const HVN: &str = "/provider/hvn_id";
const CLUSTER: &str = "/provider/vault_cluster_id";
const LINK: &str = "/provider/private_link_service_id";
const REMOVE_REGIONS: &str = "/provider/remove_consumer_regions";

/// What preflight says of a service that is `FAILED`, at the field that names it.
pub(super) fn failed(error: Error) -> Error {
    Error {
        message: format!(
            "the cluster's PrivateLink service cannot be used; nothing was changed.\n{LINK}: {}",
            error.message
        ),
        ..error
    }
}

/// The HVN's own region is always served: it cannot be removed.
pub(super) fn own_region(params: &HcpVault, network: &Network, problems: &mut Vec<Problem>) {
    let region = &network.location.region.region;
    if params.remove_consumer_regions.contains(region) {
        problems.push(Problem::at(
            REMOVE_REGIONS,
            format!(
                "{region} is the region of the HVN, from which the service can always be connected to: leave it out."
            ),
        ));
    }
}

/// What a person may want to know of what was checked.
pub(super) fn passed(params: &HcpVault, cluster: &Cluster, network: &Network) -> Vec<String> {
    let (hvn, id) = (&params.hvn_id, &params.vault_cluster_id);
    let mut passed = vec![
        format!(
            "the HVN \"{hvn}\" is STABLE on AWS in {}, without a peering or a transit gateway attachment",
            network.location.region.region
        ),
        format!(
            "the Vault cluster \"{id}\" is RUNNING in that HVN, of the tier {}",
            cluster.config.tier
        ),
    ];
    if !cluster.config.disaster_recovery_network_config.network_id.is_empty() {
        passed.push(
            "the cluster has a disaster recovery HVN; a PrivateLink connection is not kept when that one is promoted"
                .to_owned(),
        );
    }
    passed
}

/// There is no such HVN.
pub(super) fn no_network(params: &HcpVault) -> Problem {
    let (hvn, project) = (&params.hvn_id, &params.project_id);
    Problem::at(
        HVN,
        format!(
            "HCP has no HVN \"{hvn}\" in the project {project}. Correct the id, or organization_id and project_id."
        ),
    )
}

/// There is no such cluster.
pub(super) fn no_cluster(params: &HcpVault) -> Problem {
    let (cluster, project) = (&params.vault_cluster_id, &params.project_id);
    Problem::at(
        CLUSTER,
        format!("HCP has no Vault cluster \"{cluster}\" in the project {project}. Correct the id."),
    )
}

/// "AWS HVN created with a unique address space."
///
/// # Errors
/// `Unexpected` for a state that is not documented.
pub(super) fn network(network: &Network, problems: &mut Vec<Problem>) -> Result<()> {
    let id = &network.id;
    if network.location.region.provider != "aws" {
        let provider = &network.location.region.provider;
        problems.push(Problem::at(
            HVN,
            format!("the HVN \"{id}\" is on \"{provider}\"; AWS PrivateLink needs an HVN on AWS."),
        ));
    }
    match network.state.as_str() {
        "STABLE" => {}
        state @ ("UNSET" | "CREATING" | "FAILED" | "DELETING" | "DELETED") => problems.push(Problem::at(
            HVN,
            format!("the HVN \"{id}\" is in the state {state}; it must be STABLE. Wait for it, or look at it in the HCP Portal."),
        )),
        raw => return Err(unknown("HVN", id, raw)),
    }
    Ok(())
}

/// "Supports production tier HCP Vault Dedicated clusters on the Essentials and Standard tier."
///
/// # Errors
/// `Unexpected` for a state that is not documented.
pub(super) fn cluster(
    params: &HcpVault,
    cluster: &Cluster,
    network: &Network,
    problems: &mut Vec<Problem>,
) -> Result<()> {
    let id = &params.vault_cluster_id;
    match health(id, &cluster.state)? {
        Health::Running => {}
        Health::Passing | Health::Down => problems.push(Problem::at(
            CLUSTER,
            format!(
                "the Vault cluster \"{id}\" is in the state {}; it must be RUNNING. Wait for it, or look at it in the HCP Portal.",
                cluster.state
            ),
        )),
    }
    let hvn = &cluster.config.network_config.network_id;
    if *hvn != params.hvn_id {
        problems.push(Problem::at(
            HVN,
            format!(
                "the Vault cluster \"{id}\" is in the HVN \"{hvn}\", not in \"{}\".",
                params.hvn_id
            ),
        ));
    }
    let tier = &cluster.config.tier;
    // The API has kept the old names: STANDARD_* is sold as Essentials and PLUS_* as Standard.
    if !tier.starts_with("STANDARD_") && !tier.starts_with("PLUS_") {
        let tier = match tier.as_str() {
            "" | "DEV" => "Development (DEV)",
            other => other,
        };
        problems.push(Problem::at(
            CLUSTER,
            format!(
                "the Vault cluster \"{id}\" is of the tier {tier}; PrivateLink needs the tier Essentials (STANDARD_* in the API) or \
                 Standard (PLUS_*). Scale the cluster up, or name another."
            ),
        ));
    }
    let (region, hvn_region) = (&cluster.location.region.region, &network.location.region.region);
    if !region.is_empty() && region != hvn_region {
        problems.push(Problem::at(
            CLUSTER,
            format!("the Vault cluster \"{id}\" is in {region}, and its HVN in {hvn_region}."),
        ));
    }
    if cluster.dns_names.private.is_empty() {
        problems.push(Problem::at(
            CLUSTER,
            format!("HCP tells no private address of the Vault cluster \"{id}\", under which clients could reach it. Look at it in the HCP Portal."),
        ));
    }
    Ok(())
}

/// How a cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    Running,
    /// On its way to `RUNNING` by itself.
    Passing,
    /// Somebody has to act.
    Down,
}

/// What a cluster's state means.
///
/// # Errors
/// `Unexpected` for a state that is not documented.
pub(super) fn health(id: &str, state: &str) -> Result<Health> {
    match state {
        "RUNNING" => Ok(Health::Running),
        "PENDING" | "CREATING" | "UPDATING" | "RESTORING" | "UNSEALING" | "CLUSTER_SCALING" | "UNLOCKING" => {
            Ok(Health::Passing)
        }
        "CLUSTER_STATE_INVALID" | "FAILED" | "DELETING" | "SEALING" | "SEALED" | "LOCKING" | "LOCKED" => {
            Ok(Health::Down)
        }
        raw => Err(unknown("Vault cluster", id, raw)),
    }
}

/// "Peering or transit gateway not configured for the target HashiCorp Virtual Network (HVN)."
///
/// Which states count is not documented: all but those in which it is over.
pub(super) fn attachments(kind: &str, attachments: &[Attachment], problems: &mut Vec<Problem>) {
    let alive = attachments
        .iter()
        .filter(|a| !matches!(a.state.as_str(), "FAILED" | "EXPIRED" | "REJECTED"));
    for Attachment { id, state } in alive {
        problems.push(Problem::at(
            HVN,
            format!(
                "the HVN has the {kind} \"{id}\" ({state}); PrivateLink does not work beside a peering or a transit gateway. Delete it, or \
                 use a cluster in another HVN."
            ),
        ));
    }
}

/// The cluster's PrivateLink service among those of its HVN, if it has one.
///
/// # Errors
/// A [`Problem`] where it has another id than the request says, or where the id is taken by another cluster.
pub(super) fn own_link<'a>(params: &HcpVault, links: &'a [Link]) -> Result<Option<&'a Link>, Problem> {
    let cluster = &params.vault_cluster_id;
    let own = links.iter().find(|link| link.vault_cluster_id == *cluster);
    match (own, &params.private_link_service_id) {
        (Some(link), Some(wanted)) if link.id != *wanted => Err(Problem::at(
            LINK,
            format!(
                "the Vault cluster \"{cluster}\" has the PrivateLink service \"{}\" already, and can have only one. Name that, or leave \
                 the field out.",
                link.id
            ),
        )),
        (Some(link), _) => Ok(Some(link)),
        (None, _) => {
            let id = lists::service_id(params);
            match links.iter().find(|link| link.id == id) {
                Some(link) => Err(taken(&id, &format!("the Vault cluster \"{}\"", link.vault_cluster_id))),
                None => Ok(None),
            }
        }
    }
}

/// The id of the service to be created is in use.
pub(super) fn taken(id: &str, whose: &str) -> Problem {
    Problem::at(
        LINK,
        format!(
            "the PrivateLink service id \"{id}\" is taken by {whose}, and is unique in the project. Name another id."
        ),
    )
}

/// The service is there to stay, so that a run that fails must not take it away.
///
/// # Errors
/// `Unexpected` for a state that is not documented.
pub(super) fn exists(link: Option<&Link>) -> Result<Option<&Link>> {
    match link {
        Some(link) if link.state()? == LinkState::Deleting => Ok(None),
        link => Ok(link),
    }
}

fn unknown(what: &str, id: &str, raw: &str) -> Error {
    Error::unexpected(format!(
        "HCP's {what} \"{id}\" is in the state \"{raw}\", which this workflow does not know. Look at it in the HCP Portal, and report \
         the state to the maintainers of this workflow."
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use serde_json::{Value, json};

    use super::*;
    use crate::ErrorName;

    fn params() -> HcpVault {
        serde_json::from_value(json!({
            "organization_id": "o", "project_id": "p", "hvn_id": "acme-hvn", "vault_cluster_id": "acme-vault",
            "consumer_accounts": [], "consumer_ip_ranges": ["10.20.0.0/16"], "secret_id": "privatelink/hcp",
        }))
        .unwrap()
    }

    fn hvn(provider: &str, state: &str) -> Network {
        serde_json::from_value(json!({
            "id": "acme-hvn", "state": state, "location": {"region": {"provider": provider, "region": "eu-west-1"}},
        }))
        .unwrap()
    }

    fn vault(change: impl FnOnce(&mut Value)) -> Cluster {
        let mut value = json!({
            "state": "RUNNING", "location": {"region": {"provider": "aws", "region": "eu-west-1"}},
            "dns_names": {"public": "", "private": "acme.z1.hashicorp.cloud"},
            "config": {"tier": "STANDARD_SMALL", "network_config": {"network_id": "acme-hvn"}, "disaster_recovery_network_config": null},
        });
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    fn of_cluster(change: impl FnOnce(&mut Value)) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        cluster(&params(), &vault(change), &hvn("aws", "STABLE"), &mut problems).unwrap();
        problems.into_iter().map(|p| (p.path, p.message)).collect()
    }

    fn link(id: &str, cluster: &str, state: &str) -> Link {
        serde_json::from_value(json!({"id": id, "vault_cluster_id": cluster, "state": state})).unwrap()
    }

    #[test]
    fn a_stable_hvn_on_aws_fits() {
        let mut problems = Vec::new();
        network(&hvn("aws", "STABLE"), &mut problems).unwrap();
        assert_eq!(problems, []);
        network(&hvn("azure", "CREATING"), &mut problems).unwrap();
        assert_eq!(problems.len(), 2);
        assert!(problems[1].message.contains("CREATING"));
        assert_eq!(
            network(&hvn("aws", "ODD"), &mut problems).unwrap_err().name,
            ErrorName::Unexpected
        );
    }

    #[test]
    fn a_running_production_cluster_of_the_hvn_fits() {
        assert_eq!(of_cluster(|_| {}), []);
        assert_eq!(of_cluster(|c| c["config"]["tier"] = json!("PLUS_LARGE")), []);
        for (change, path, word) in [
            (json!({"state": "SEALED"}), CLUSTER, "SEALED"),
            (json!({"state": "UPDATING"}), CLUSTER, "UPDATING"),
            (
                json!({"config": {"tier": "DEV", "network_config": {"network_id": "acme-hvn"}}}),
                CLUSTER,
                "Essentials",
            ),
            (
                json!({"config": {"network_config": {"network_id": "acme-hvn"}}}),
                CLUSTER,
                "Development",
            ),
            (
                json!({"config": {"tier": "STARTER_SMALL", "network_config": {"network_id": "acme-hvn"}}}),
                CLUSTER,
                "STARTER_SMALL",
            ),
            (
                json!({"config": {"tier": "PLUS_SMALL", "network_config": {"network_id": "else"}}}),
                HVN,
                "\"else\"",
            ),
            (
                json!({"location": {"region": {"region": "us-east-1"}}}),
                CLUSTER,
                "us-east-1",
            ),
            (json!({"dns_names": {"private": ""}}), CLUSTER, "private address"),
        ] {
            let problems = of_cluster(|c| c.as_object_mut().unwrap().extend(change.as_object().unwrap().clone()));
            assert_eq!(problems.len(), 1, "{change}: {problems:?}");
            assert!(
                problems[0].0 == path && problems[0].1.contains(word),
                "{change}: {problems:?}"
            );
        }
    }

    #[test]
    fn unknown_cluster_states_are_unexpected() {
        assert_eq!(health("acme", "HIBERNATING").unwrap_err().name, ErrorName::Unexpected);
    }

    #[test]
    fn only_attachments_that_are_over_are_in_nobodys_way() {
        let all = [
            "ACTIVE",
            "FAILED",
            "PENDING_ACCEPTANCE",
            "EXPIRED",
            "REJECTED",
            "DELETING",
        ];
        let all: Vec<Attachment> = all
            .iter()
            .map(|s| Attachment {
                id: format!("id-{s}"),
                state: (*s).to_owned(),
            })
            .collect();
        let mut problems = Vec::new();
        attachments("peering", &all, &mut problems);
        let named: Vec<bool> = all
            .iter()
            .map(|a| problems.iter().any(|p| p.message.contains(&a.id)))
            .collect();
        assert_eq!(named, [true, false, true, false, false, true]);
    }

    #[test]
    fn the_clusters_service_is_found_by_the_cluster() {
        let links = [
            link("theirs", "other", "AVAILABLE"),
            link("ours", "acme-vault", "AVAILABLE"),
        ];
        let found = |links: &[Link], id: Option<&str>| {
            let params = HcpVault {
                private_link_service_id: id.map(str::to_owned),
                ..params()
            };
            own_link(&params, links).map(|link| link.map(|link| link.id.clone()))
        };
        assert_eq!(found(&links, None), Ok(Some("ours".to_owned())));
        assert_eq!(found(&links, Some("ours")), Ok(Some("ours".to_owned())));
        assert!(found(&links, Some("mine")).unwrap_err().message.contains("\"ours\""));
        assert_eq!(found(&links[..1], None), Ok(None));
        assert!(
            found(&links[..1], Some("theirs"))
                .unwrap_err()
                .message
                .contains("\"other\"")
        );
        assert!(found(&[link("pl-acme-vault", "other", "AVAILABLE")], None).is_err());
    }

    #[test]
    fn a_service_that_is_being_deleted_counts_as_gone() {
        assert!(exists(Some(&link("a", "b", "DELETING"))).unwrap().is_none());
        assert!(exists(Some(&link("a", "b", "FAILED"))).unwrap().is_some());
        assert!(exists(None).unwrap().is_none());
    }

    #[test]
    fn the_hvns_own_region_cannot_be_removed() {
        let mut params = params();
        params.remove_consumer_regions = vec!["us-east-1".into()];
        let mut problems = Vec::new();
        own_region(&params, &hvn("aws", "STABLE"), &mut problems);
        assert_eq!(problems, []);
        params.remove_consumer_regions.push("eu-west-1".into());
        own_region(&params, &hvn("aws", "STABLE"), &mut problems);
        assert_eq!(problems[0].path, "/provider/remove_consumer_regions");
    }
}
