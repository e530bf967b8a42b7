//! The consumer's network: what a request names must exist and fit together.

use std::collections::BTreeMap;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{SecurityGroup, VpcAttributeName};
use shared::request::Consumer;
use shared::{Error, ErrorName, Result, aws};

use super::filter;

/// A subnet of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its place in `subnet_ids`.
    pub position: usize,
    pub id: String,
    /// `euw1-az1`: the same zone in every account.
    pub zone_id: String,
    /// `eu-west-1a`: means another zone in another account.
    pub zone_name: String,
}

/// What the request names, as far as it exists, and everything that is wrong with it.
#[derive(Debug, Default)]
pub struct Network {
    pub subnets: Vec<Subnet>,
    groups: Vec<SecurityGroup>,
    /// Each as `<JSON pointer>: <what is wrong>`.
    pub violations: Vec<String>,
}

/// Reads the VPC, its subnets and security groups, and checks them against each other.
///
/// # Errors
/// As EC2 answers. What does not exist or fit is no error but a violation.
pub async fn read(ec2: &Client, consumer: &Consumer) -> Result<Network> {
    let mut network = Network::default();
    // By filter and not by id: one id that does not exist would fail the whole call and hide the others.
    let (vpcs, subnets, groups) = tokio::join!(
        ec2.describe_vpcs().filters(filter("vpc-id", [&consumer.vpc_id])).send(),
        ec2.describe_subnets()
            .filters(filter("subnet-id", &consumer.subnet_ids))
            .send(),
        ec2.describe_security_groups()
            .filters(filter("group-id", &consumer.security_group_ids))
            .send(),
    );
    let vpcs = vpcs.map_err(|e| aws::error(&e, "describing the VPC"))?;
    let subnets = subnets.map_err(|e| aws::error(&e, "describing the subnets"))?;
    let groups = groups.map_err(|e| aws::error(&e, "describing the security groups"))?;
    if vpcs.vpcs().is_empty() {
        network.violations.push(format!(
            "/consumer/vpc_id: there is no VPC {} in account {}, region {}.",
            consumer.vpc_id, consumer.account_id, consumer.region
        ));
    }
    let mut by_zone: BTreeMap<String, String> = BTreeMap::new();
    for (position, id) in consumer.subnet_ids.iter().enumerate() {
        let path = format!("/consumer/subnet_ids/{position}");
        let Some(found) = subnets.subnets().iter().find(|s| s.subnet_id() == Some(id)) else {
            network.violations.push(format!(
                "{path}: there is no subnet {id} in account {}, region {}.",
                consumer.account_id, consumer.region
            ));
            continue;
        };
        if found.vpc_id() != Some(&consumer.vpc_id) {
            network.violations.push(format!(
                "{path}: {id} is in {}, not in {}.",
                found.vpc_id().unwrap_or("no VPC"),
                consumer.vpc_id
            ));
        }
        let zone_id = found.availability_zone_id().unwrap_or_default().to_owned();
        if let Some(other) = by_zone.insert(zone_id.clone(), id.clone()) {
            network.violations.push(format!(
                "{path}: {id} is in the same zone {zone_id} as {other}; an endpoint takes one subnet per zone."
            ));
        }
        network.subnets.push(Subnet {
            position,
            id: id.clone(),
            zone_id,
            zone_name: found.availability_zone().unwrap_or_default().to_owned(),
        });
    }
    for (position, id) in consumer.security_group_ids.iter().enumerate() {
        let path = format!("/consumer/security_group_ids/{position}");
        match groups.security_groups().iter().find(|g| g.group_id() == Some(id)) {
            None => network.violations.push(format!(
                "{path}: there is no security group {id} in account {}, region {}.",
                consumer.account_id, consumer.region
            )),
            Some(group) if group.vpc_id() != Some(&consumer.vpc_id) => {
                network.violations.push(format!(
                    "{path}: {id} is in {}, not in {}.",
                    group.vpc_id().unwrap_or("no VPC"),
                    consumer.vpc_id
                ));
            }
            Some(group) => network.groups.push(group.clone()),
        }
    }
    Ok(network)
}

impl Network {
    /// Port ranges (inclusive) that no ingress rule of the groups lets in, each as a violation.
    pub fn check_ports(&mut self, ports: &[(u16, u16)]) {
        // Groups that do not exist or do not fit are reported already.
        if self.groups.is_empty() {
            return;
        }
        let mut open: Vec<(i32, i32)> = self
            .groups
            .iter()
            .flat_map(SecurityGroup::ip_permissions)
            .filter_map(|rule| match rule.ip_protocol() {
                Some("-1") => Some((0, 65_535)),
                Some("tcp" | "6") => Some((rule.from_port()?, rule.to_port()?)),
                _ => None,
            })
            .collect();
        open.sort_unstable();
        for &(from, to) in ports {
            if let Some(closed) = first_closed(&open, i32::from(from), i32::from(to)) {
                let ports = if from == to {
                    format!("port {from}")
                } else {
                    format!("ports {from}-{to}")
                };
                self.violations.push(format!(
                    "/consumer/security_group_ids: no ingress rule lets in TCP {ports}, which the connection uses (closed at {closed}). Add a rule for your clients."
                ));
            }
        }
    }
}

/// The first port of the range that no interval covers. `open` is sorted.
fn first_closed(open: &[(i32, i32)], from: i32, to: i32) -> Option<i32> {
    let mut next = from;
    for &(low, high) in open {
        if low > next {
            break;
        }
        next = next.max(high.saturating_add(1));
    }
    (next <= to).then_some(next)
}

/// A private hosted zone works only in a VPC with both DNS attributes on.
///
/// # Errors
/// As EC2 answers, but a VPC that does not exist is reported elsewhere.
pub async fn check_dns(ec2: &Client, vpc_id: &str) -> Result<Vec<String>> {
    let attribute = |name: VpcAttributeName| ec2.describe_vpc_attribute().vpc_id(vpc_id).attribute(name).send();
    let (support, hostnames) = tokio::join!(
        attribute(VpcAttributeName::EnableDnsSupport),
        attribute(VpcAttributeName::EnableDnsHostnames)
    );
    let mut violations = Vec::new();
    for (name, answer) in [("enableDnsSupport", support), ("enableDnsHostnames", hostnames)] {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if aws::code(&error) == Some("InvalidVpcID.NotFound") => return Ok(Vec::new()),
            Err(error) => return Err(aws::error(&error, "describing the VPC's DNS attributes")),
        };
        let value = answer
            .enable_dns_support()
            .or(answer.enable_dns_hostnames())
            .and_then(|v| v.value());
        if value != Some(true) {
            violations.push(format!("/consumer/vpc_id: {vpc_id} has {name} off; the vendor's private name resolves only with it on. Switch it on."));
        }
    }
    Ok(violations)
}

/// The subnets of the request once more, for their zones.
///
/// # Errors
/// As EC2 answers; `InvalidRequest` when one is gone since preflight.
pub async fn subnets(ec2: &Client, consumer: &Consumer) -> Result<Vec<Subnet>> {
    let network = read(ec2, consumer).await?;
    if network.violations.is_empty() {
        Ok(network.subnets)
    } else {
        Err(Error::new(ErrorName::InvalidRequest, network.violations.join("\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::first_closed;

    #[test]
    fn a_range_may_be_let_in_by_several_rules() {
        assert_eq!(
            first_closed(&[(10_000, 20_000), (20_001, 31_000)], 10_000, 31_000),
            None
        );
    }

    #[test]
    fn the_first_closed_port_is_named() {
        assert_eq!(
            first_closed(&[(443, 443), (10_000, 20_000), (20_002, 31_000)], 10_000, 31_000),
            Some(20_001)
        );
        assert_eq!(first_closed(&[], 8200, 8200), Some(8200));
        assert_eq!(first_closed(&[(0, 8199)], 8200, 8200), Some(8200));
    }

    #[test]
    fn everything_open_is_open() {
        assert_eq!(first_closed(&[(0, 65_535)], 8200, 8200), None);
    }
}
