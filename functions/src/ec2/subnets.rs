//! The subnets of an endpoint: the request's own, or one in each zone, chosen from those that have the request's tags or from all.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::RouteTable;
use shared::plan::Check;
use shared::request::Consumer;
use shared::{ErrorName, Result, aws};

use super::vpc::Vpc;
use super::{filter, tag_filters};

/// A subnet that an endpoint may be put into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    pub id: String,
    /// `euw1-az1`: the same zone in every account.
    pub zone_id: String,
    /// `eu-west-1a`: means another zone in another account.
    pub zone_name: String,
    /// No route of it leads to an Internet gateway.
    pub private: bool,
    pub has_free_addresses: bool,
}

/// The subnets that a request names or admits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidates {
    /// The request names each by its id, and all of them are taken.
    pub named: bool,
    /// In the order of the request, or the best ones first.
    pub subnets: Vec<Subnet>,
}

/// Reads what the request names or admits, and checks it.
///
/// # Errors
/// As EC2 answers. What does not exist or fit is no error but a failed check.
pub async fn read(ec2: &Client, consumer: &Consumer, vpc: &Vpc) -> Result<(Candidates, Vec<Check>)> {
    if consumer.subnet_ids.is_empty() {
        select(ec2, consumer, vpc).await
    } else {
        read_named(ec2, consumer, vpc).await
    }
}

async fn read_named(ec2: &Client, consumer: &Consumer, vpc: &Vpc) -> Result<(Candidates, Vec<Check>)> {
    // By filter and not by id: one id that does not exist would fail the whole call and hide the others.
    let answer = ec2
        .describe_subnets()
        .filters(filter("subnet-id", &consumer.subnet_ids))
        .send()
        .await
        .map_err(|e| aws::error(&e, "describing the subnets"))?;
    let (mut subnets, mut checks) = (Vec::new(), Vec::new());
    let mut by_zone: BTreeMap<String, String> = BTreeMap::new();
    for (position, id) in consumer.subnet_ids.iter().enumerate() {
        let mut failed = |message: String| {
            checks.push(Check::failed(
                ErrorName::InvalidRequest,
                &format!("/consumer/subnet_ids/{position}"),
                message,
            ));
        };
        let Some(found) = answer.subnets().iter().find(|s| s.subnet_id() == Some(id)) else {
            failed(format!(
                "there is no subnet {id} in account {}, region {}.",
                consumer.account_id, consumer.region
            ));
            continue;
        };
        if found.vpc_id() != Some(&vpc.id) {
            failed(format!(
                "{id} is in {}, not in {}.",
                found.vpc_id().unwrap_or("no VPC"),
                vpc.id
            ));
        }
        let zone_id = found.availability_zone_id().unwrap_or_default().to_owned();
        if let Some(other) = by_zone.insert(zone_id.clone(), id.clone()) {
            failed(format!(
                "{id} is in the same zone {zone_id} as {other}; an endpoint takes one subnet per zone."
            ));
        }
        subnets.push(Subnet {
            id: id.clone(),
            zone_id,
            zone_name: found.availability_zone().unwrap_or_default().to_owned(),
            private: true,
            has_free_addresses: true,
        });
    }
    if checks.is_empty() {
        checks.push(Check::passed(format!(
            "the subnets are in {}: {}.",
            vpc.id,
            zones(&subnets)
        )));
    }
    Ok((Candidates { named: true, subnets }, checks))
}

async fn select(ec2: &Client, consumer: &Consumer, vpc: &Vpc) -> Result<(Candidates, Vec<Check>)> {
    let mut filters = tag_filters(&consumer.subnet_tags);
    filters.push(filter("vpc-id", [&vpc.id]));
    let subnets = ec2.describe_subnets().set_filters(Some(filters)).into_paginator();
    let tables = ec2
        .describe_route_tables()
        .filters(filter("vpc-id", [&vpc.id]))
        .into_paginator();
    let (subnets, tables) = tokio::join!(
        subnets.items().send().collect::<std::result::Result<Vec<_>, _>>(),
        tables.items().send().collect::<std::result::Result<Vec<_>, _>>(),
    );
    let found = subnets.map_err(|e| aws::error(&e, "describing the VPC's subnets"))?;
    let tables = tables.map_err(|e| aws::error(&e, "describing the VPC's route tables"))?;
    let mut subnets: Vec<Subnet> = found
        .iter()
        .filter_map(|subnet| {
            let id = subnet.subnet_id()?.to_owned();
            Some(Subnet {
                zone_id: subnet.availability_zone_id()?.to_owned(),
                zone_name: subnet.availability_zone().unwrap_or_default().to_owned(),
                private: !has_way_to_the_internet(&tables, &id),
                has_free_addresses: subnet.available_ip_address_count() != Some(0),
                id,
            })
        })
        .collect();
    // By id last, so that a repeated choice is the same.
    subnets.sort_by_key(|s| (!s.private, !s.has_free_addresses, s.id.clone()));
    let check = if !subnets.is_empty() {
        Check::passed(format!("{} has {} subnets to choose from.", vpc.id, subnets.len()))
    } else if consumer.subnet_tags.is_empty() {
        Check::failed(
            ErrorName::InvalidRequest,
            super::vpc::path(consumer),
            format!("{} has no subnet that an endpoint could be put into.", vpc.id),
        )
    } else {
        Check::failed(
            ErrorName::InvalidRequest,
            "/consumer/subnet_tags",
            format!("no subnet of {} has all of these tags.", vpc.id),
        )
    };
    Ok((Candidates { named: false, subnets }, vec![check]))
}

/// The zone ids of these subnets, by subnet id; one that is gone has none.
///
/// # Errors
/// As EC2 answers.
pub async fn zones_of(ec2: &Client, ids: &[String]) -> Result<BTreeMap<String, String>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let answer = ec2
        .describe_subnets()
        .filters(filter("subnet-id", ids))
        .send()
        .await
        .map_err(|e| aws::error(&e, "describing the endpoint's subnets"))?;
    let zones = answer
        .subnets()
        .iter()
        .filter_map(|s| Some((s.subnet_id()?.to_owned(), s.availability_zone_id()?.to_owned())));
    Ok(zones.collect())
}

/// By the subnet's own route table, or the VPC's main one.
fn has_way_to_the_internet(tables: &[RouteTable], subnet_id: &str) -> bool {
    let own = |table: &&RouteTable| table.associations().iter().any(|a| a.subnet_id() == Some(subnet_id));
    let main = |table: &&RouteTable| table.associations().iter().any(|a| a.main() == Some(true));
    tables
        .iter()
        .find(own)
        .or_else(|| tables.iter().find(main))
        .is_some_and(|table| {
            table
                .routes()
                .iter()
                .any(|r| r.gateway_id().is_some_and(|id| id.starts_with("igw-")))
        })
}

impl Candidates {
    /// Each that the request names is there, or at least one that it admits.
    pub fn are_complete(&self, consumer: &Consumer) -> bool {
        !self.subnets.is_empty() && (!self.named || self.subnets.len() == consumer.subnet_ids.len())
    }

    /// The subnets for an endpoint. `offered`: ids of the zones that the service offers, empty where EC2 does not say. `present`: the
    /// endpoint's own subnets, which stay where they are as good as others.
    pub fn choose(&self, offered: &[String], present: &[String]) -> Vec<Subnet> {
        if self.named {
            return self.subnets.clone();
        }
        let stays: Vec<Subnet> = self
            .subnets
            .iter()
            .filter(|s| present.contains(&s.id))
            .cloned()
            .collect();
        // An endpoint of a service in another region, whose zones nobody lists, is where EC2 took it.
        if offered.is_empty() && !stays.is_empty() {
            return stays;
        }
        let mut taken = BTreeSet::new();
        let mut chosen: Vec<Subnet> = self
            .subnets
            .iter()
            .filter(|s| present.contains(&s.id))
            .chain(&self.subnets)
            .filter(|s| offered.is_empty() || offered.contains(&s.zone_id))
            .filter(|s| taken.insert(s.zone_id.clone()))
            .cloned()
            .collect();
        chosen.sort_by(|a, b| a.zone_id.cmp(&b.zone_id));
        chosen
    }

    /// Named subnets outside the zones that the service offers, or that no subnet is inside, each as a failed check. Zone *names* mean
    /// different zones in different accounts; ids do not.
    pub fn check_zones(&self, consumer: &Consumer, offered: &[String]) -> Vec<Check> {
        if offered.is_empty() {
            return Vec::new();
        }
        let offers = offered.join(", ");
        if !self.named {
            if self.subnets.is_empty() || !self.choose(offered, &[]).is_empty() {
                return Vec::new();
            }
            let path = if consumer.subnet_tags.is_empty() {
                super::vpc::path(consumer)
            } else {
                "/consumer/subnet_tags"
            };
            return vec![Check::failed(
                ErrorName::InvalidRequest,
                path,
                format!(
                    "none of the subnets ({}) is in a zone that the vendor's endpoint service offers; it offers {offers}.",
                    zones(&self.subnets)
                ),
            )];
        }
        let outside = self.subnets.iter().enumerate();
        outside
            .filter(|(_, subnet)| !offered.contains(&subnet.zone_id))
            .map(|(position, subnet)| {
                Check::failed(
                    ErrorName::InvalidRequest,
                    &format!("/consumer/subnet_ids/{position}"),
                    format!(
                        "{} is in zone {} ({}), which the vendor's endpoint service does not offer; it offers {offers}. Choose a subnet in \
                         one of those.",
                        subnet.id, subnet.zone_id, subnet.zone_name
                    ),
                )
            })
            .collect()
    }
}

/// `subnet-1 in euw1-az1, …`
pub fn zones(subnets: &[Subnet]) -> String {
    let each = subnets.iter().map(|s| format!("{} in {}", s.id, s.zone_id));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(id: &str, zone: &str, private: bool) -> Subnet {
        Subnet {
            id: id.to_owned(),
            zone_id: zone.to_owned(),
            zone_name: String::new(),
            private,
            has_free_addresses: true,
        }
    }

    fn ids(chosen: &[Subnet]) -> Vec<&str> {
        chosen.iter().map(|s| s.id.as_str()).collect()
    }

    /// As `select` sorts them.
    fn candidates() -> Candidates {
        Candidates {
            named: false,
            subnets: vec![
                subnet("private-1", "az1", true),
                subnet("private-1b", "az1", true),
                subnet("private-2", "az2", true),
                subnet("public-1", "az1", false),
                subnet("public-3", "az3", false),
            ],
        }
    }

    #[test]
    fn each_offered_zone_has_one_subnet_a_private_one_if_there_is_any() {
        let offered = ["az1", "az3", "az9"].map(str::to_owned);
        assert_eq!(ids(&candidates().choose(&offered, &[])), ["private-1", "public-3"]);
    }

    #[test]
    fn without_a_list_of_zones_every_zone_counts() {
        assert_eq!(
            ids(&candidates().choose(&[], &[])),
            ["private-1", "private-2", "public-3"]
        );
    }

    #[test]
    fn what_the_endpoint_has_stays() {
        let present = ["private-1b", "public-1", "gone"].map(str::to_owned);
        let offered = ["az1", "az2", "az3"].map(str::to_owned);
        assert_eq!(
            ids(&candidates().choose(&offered, &present)),
            ["private-1b", "private-2", "public-3"]
        );
        assert_eq!(ids(&candidates().choose(&[], &present[..1])), ["private-1b"]);
    }

    #[test]
    fn named_subnets_are_all_taken_as_they_are() {
        let named = Candidates {
            named: true,
            ..candidates()
        };
        assert_eq!(named.choose(&["az1".to_owned()], &[]).len(), 5);
    }
}
