//! What HCP demands of a private link before it makes or changes one. The order and texts of the refusals are guesses.

use std::net::IpAddr;

use ipnet::IpNet;

use super::errors::{ALREADY_EXISTS, ApiError};
use super::wire::{PrivateLinkInput, RegionInput, UpdateRequest};
use super::world::{Network, PrivateLink, Project};
use crate::knobs::{HcpKnobs, OwnRegion};

const MAX_ID: usize = 36;
const MAX_ACCOUNTS: usize = 10;
const MAX_IP_RANGES: usize = 15;
/// Peerings and attachments in these states are in nobody's way.
const DEAD_STATES: [&str; 3] = ["FAILED", "EXPIRED", "REJECTED"];

/// The three lists of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lists {
    pub(super) accounts: Vec<String>,
    pub(super) ip_ranges: Vec<String>,
    pub(super) regions: Vec<String>,
}

/// What is checked at once, whatever the knobs say: the form of the request and the id.
pub(super) fn check_form(
    input: &PrivateLinkInput,
    project: &Project,
    network: &Network,
    knobs: &HcpKnobs,
) -> Result<Lists, ApiError> {
    let id_is_slug = input.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !input.id.starts_with('-')
        && !input.id.ends_with('-');
    if input.id.is_empty() || input.id.len() > MAX_ID || !id_is_slug {
        return Err(ApiError::invalid(format!(
            "invalid private link service id {:?}: must be 1 to {MAX_ID} letters, digits and inner hyphens",
            input.id
        )));
    }
    if input.vault_cluster_id.is_empty() {
        return Err(ApiError::invalid("vault_cluster_id is required"));
    }
    let region = input.hvn.as_ref().and_then(|hvn| hvn.region());
    let own = RegionInput {
        provider: network.provider.clone(),
        region: network.region.clone(),
    };
    match region {
        None => return Err(ApiError::invalid("hvn.location.region is required")),
        Some(region) if *region != own => {
            return Err(ApiError::invalid("hvn.location.region is not the region of the HVN"));
        }
        Some(_) => {}
    }
    let lists = Lists {
        accounts: deduplicated(&input.consumer_accounts),
        ip_ranges: deduplicated(&input.consumer_ip_ranges),
        regions: with_own_region(deduplicated(&input.consumer_regions), network, knobs)?,
    };
    check_lists(&lists, knobs)?;
    if project.links.contains_key(&input.id) {
        return Err(ApiError::new(
            ALREADY_EXISTS,
            "PrivateLink service with this ID already exists",
        ));
    }
    Ok(lists)
}

/// What may be checked by the operation instead (`rules_in_operation`): network, cluster and limits.
pub(super) fn check_rules(
    cluster_id: &str,
    lists: &Lists,
    project: &Project,
    network: &Network,
    knobs: &HcpKnobs,
) -> Result<(), ApiError> {
    if network.provider != "aws" {
        return Err(ApiError::precondition("PrivateLink is only supported for HVNs on AWS"));
    }
    if network.state != "STABLE" {
        return Err(ApiError::precondition(format!(
            "HVN {} is in state {}, not STABLE",
            network.id, network.state
        )));
    }
    let alive = |state: &String| !DEAD_STATES.contains(&state.as_str());
    if network
        .peerings
        .iter()
        .map(|p| &p.state)
        .chain(network.tgw_attachments.iter().map(|t| &t.state))
        .any(alive)
    {
        return Err(ApiError::precondition(
            "PrivateLink cannot be used on an HVN with a peering or transit gateway attachment",
        ));
    }
    let cluster = project
        .clusters
        .get(cluster_id)
        .filter(|cluster| cluster.network_id == network.id);
    let cluster = cluster
        .ok_or_else(|| ApiError::not_found(format!("vault cluster {cluster_id} not found in HVN {}", network.id)))?;
    if cluster.state != "RUNNING" {
        return Err(ApiError::precondition(format!(
            "vault cluster {cluster_id} is in state {}, not RUNNING",
            cluster.state
        )));
    }
    if !cluster.tier.starts_with("STANDARD_") && !cluster.tier.starts_with("PLUS_") {
        return Err(ApiError::precondition(format!(
            "PrivateLink is not supported for clusters of tier {}",
            cluster.tier
        )));
    }
    if project.links.values().any(|link| link.vault_cluster_id == cluster_id) {
        return Err(ApiError::new(
            knobs.second_link_code,
            format!("vault cluster {cluster_id} already has a PrivateLink service"),
        ));
    }
    check_limits(lists, knobs)
}

/// The lists after an update.
pub(super) fn updated(
    link: &PrivateLink,
    change: &UpdateRequest,
    network: &Network,
    knobs: &HcpKnobs,
) -> Result<Lists, ApiError> {
    if !change.id.is_empty() && change.id != link.id {
        return Err(ApiError::invalid("the id in the body is not the id in the path"));
    }
    let deltas = [
        (
            &link.consumer_accounts,
            &change.add_consumer_accounts,
            &change.remove_consumer_accounts,
        ),
        (
            &link.consumer_ip_ranges,
            &change.add_consumer_ip_ranges,
            &change.remove_consumer_ip_ranges,
        ),
        (
            &link.consumer_regions,
            &change.add_consumer_regions,
            &change.remove_consumer_regions,
        ),
    ];
    if knobs.strict_deltas {
        for (old, add, remove) in deltas {
            if add.iter().any(|item| old.contains(item) || remove.contains(item))
                || remove.iter().any(|item| !old.contains(item))
            {
                return Err(ApiError::invalid(
                    "items to add must be new, and items to remove must be there",
                ));
            }
        }
        if deltas
            .iter()
            .all(|(_, add, remove)| add.is_empty() && remove.is_empty())
        {
            return Err(ApiError::invalid("nothing to update"));
        }
    }
    if knobs.own_region == OwnRegion::Refused && change.remove_consumer_regions.contains(&network.region) {
        return Err(own_region_refused(network));
    }
    let [accounts, ip_ranges, regions] = deltas.map(|(old, add, remove)| {
        let kept = old.iter().filter(|item| !remove.contains(item));
        deduplicated(kept.chain(add.iter().filter(|item| !remove.contains(item))))
    });
    let lists = Lists {
        accounts,
        ip_ranges,
        regions: with_own_region(regions, network, knobs)?,
    };
    check_lists(&lists, knobs)?;
    check_limits(&lists, knobs)?;
    if !knobs.last_account_may_go && lists.accounts.is_empty() && !link.consumer_accounts.is_empty() {
        return Err(ApiError::invalid("the last consumer account cannot be removed"));
    }
    Ok(lists)
}

fn check_limits(lists: &Lists, knobs: &HcpKnobs) -> Result<(), ApiError> {
    if lists.accounts.len() > MAX_ACCOUNTS {
        return Err(ApiError::new(
            knobs.limit_code,
            format!("at most {MAX_ACCOUNTS} consumer accounts are allowed"),
        ));
    }
    if lists.ip_ranges.len() > MAX_IP_RANGES {
        return Err(ApiError::new(
            knobs.limit_code,
            format!("at most {MAX_IP_RANGES} consumer IP ranges are allowed"),
        ));
    }
    Ok(())
}

fn check_lists(lists: &Lists, knobs: &HcpKnobs) -> Result<(), ApiError> {
    if let Some(bad) = lists
        .accounts
        .iter()
        .find(|arn| !(is_principal(arn) || knobs.any_principal && *arn == "*"))
    {
        return Err(ApiError::invalid(format!(
            "invalid consumer account {bad:?}: must be the ARN of an IAM principal"
        )));
    }
    if let Some(bad) = lists
        .ip_ranges
        .iter()
        .find(|range| range.parse::<IpNet>().is_err() || range.parse::<IpAddr>().is_ok())
    {
        return Err(ApiError::invalid(format!(
            "invalid consumer IP range {bad:?}: must be a CIDR"
        )));
    }
    if let Some(bad) = lists.regions.iter().find(|region| !is_region(region)) {
        return Err(ApiError::invalid(format!("invalid consumer region {bad:?}")));
    }
    Ok(())
}

fn with_own_region(mut regions: Vec<String>, network: &Network, knobs: &HcpKnobs) -> Result<Vec<String>, ApiError> {
    match knobs.own_region {
        OwnRegion::Refused if regions.contains(&network.region) => return Err(own_region_refused(network)),
        OwnRegion::Refused | OwnRegion::Kept => {}
        OwnRegion::Dropped => regions.retain(|region| *region != network.region),
    }
    Ok(regions)
}

fn own_region_refused(network: &Network) -> ApiError {
    ApiError::invalid(format!(
        "the HVN's region {} is always included and cannot be added or removed",
        network.region
    ))
}

/// `arn:aws:iam::<12 digits>:` and `root`, `user/NAME` or `role/NAME`; paths are not supported by EC2.
fn is_principal(arn: &str) -> bool {
    let mut parts = arn.splitn(6, ':');
    let head: Vec<&str> = parts.by_ref().take(4).collect();
    let (Some(account), Some(resource)) = (parts.next(), parts.next()) else {
        return false;
    };
    let named = |prefix: &str| {
        resource
            .strip_prefix(prefix)
            .is_some_and(|name| !name.is_empty() && !name.contains('/'))
    };
    matches!(head[..], ["arn", partition, "iam", ""] if partition.starts_with("aws"))
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && (resource == "root" || named("user/") || named("role/"))
}

fn is_region(region: &str) -> bool {
    let parts: Vec<&str> = region.split('-').collect();
    parts.len() >= 3
        && parts[0].len() == 2
        && parts[..parts.len() - 1]
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase()))
        && parts[parts.len() - 1].parse::<u8>().is_ok()
}

fn deduplicated<'a>(items: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for item in items {
        if !kept.contains(item) {
            kept.push(item.clone());
        }
    }
    kept
}
