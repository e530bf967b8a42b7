//! The consumer's VPC: by its id, or as the one that has the tags which the request names.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, VpcAttributeName};
use shared::plan::Check;
use shared::request::Consumer;
use shared::{ErrorName, Result, aws};

use super::{filter, tag_filters};

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    pub id: String,
    /// Its IPv4 ranges, the primary one first.
    pub cidrs: Vec<String>,
}

/// What a request's VPC came to.
#[derive(Debug)]
pub enum Found {
    One(Vpc),
    /// There is none; the check that failed.
    Absent(Check),
    /// The tags are of more than one; the check that failed.
    Ambiguous(Check),
}

/// The VPC of a request.
///
/// # Errors
/// As EC2 answers.
pub async fn find(ec2: &Client, consumer: &Consumer) -> Result<Found> {
    let Consumer { account_id, region, .. } = consumer;
    let failed = |path: &str, message: String| Check::failed(ErrorName::InvalidRequest, path, message);
    match &consumer.vpc_id {
        // By filter and not by id: one that does not exist is then an empty list and no error.
        Some(id) => match describe(ec2, vec![filter("vpc-id", [id])]).await?.pop() {
            Some(vpc) => Ok(Found::One(vpc)),
            None => Ok(Found::Absent(failed(
                "/consumer/vpc_id",
                format!("there is no VPC {id} in account {account_id}, region {region}."),
            ))),
        },
        None => {
            let mut found = describe(ec2, tag_filters(&consumer.vpc_tags)).await?;
            let ids: Vec<String> = found.iter().map(|vpc| vpc.id.clone()).collect();
            match (found.pop(), ids.len()) {
                (Some(vpc), 1) => Ok(Found::One(vpc)),
                (None, _) => Ok(Found::Absent(failed(
                    "/consumer/vpc_tags",
                    format!("no VPC in account {account_id}, region {region} has all of these tags."),
                ))),
                (Some(_), _) => Ok(Found::Ambiguous(failed(
                    "/consumer/vpc_tags",
                    format!(
                        "several VPCs in account {account_id}, region {region} have all of these tags ({}); add a tag that only one has, or \
                         name it by vpc_id.",
                        ids.join(", ")
                    ),
                ))),
            }
        }
    }
}

/// The IPv4 ranges of these VPCs; one that is gone has none.
///
/// # Errors
/// As EC2 answers.
pub async fn cidrs_of(ec2: &Client, vpc_ids: &[String]) -> Result<Vec<String>> {
    if vpc_ids.is_empty() {
        return Ok(Vec::new());
    }
    let found = describe(ec2, vec![filter("vpc-id", vpc_ids)]).await?;
    Ok(found.into_iter().flat_map(|vpc| vpc.cidrs).collect())
}

async fn describe(ec2: &Client, filters: Vec<Filter>) -> Result<Vec<Vpc>> {
    let found = ec2
        .describe_vpcs()
        .set_filters(Some(filters))
        .into_paginator()
        .items()
        .send()
        .collect::<std::result::Result<Vec<_>, _>>()
        .await
        .map_err(|e| aws::error(&e, "describing the VPC"))?;
    let vpcs = found.iter().filter_map(|vpc| {
        let mut cidrs: Vec<String> = vpc.cidr_block().map(str::to_owned).into_iter().collect();
        for association in vpc.cidr_block_association_set() {
            let state = association.cidr_block_state().and_then(|s| s.state());
            let gone = state.is_some_and(|s| s.as_str().starts_with("disassociat"));
            if let Some(cidr) = association.cidr_block().filter(|_| !gone)
                && !cidrs.iter().any(|have| have == cidr)
            {
                cidrs.push(cidr.to_owned());
            }
        }
        Some(Vpc {
            id: vpc.vpc_id()?.to_owned(),
            cidrs,
        })
    });
    Ok(vpcs.collect())
}

/// A private hosted zone works only in a VPC with both DNS attributes on.
///
/// # Errors
/// As EC2 answers, but a VPC that does not exist is reported elsewhere.
pub async fn check_dns(ec2: &Client, consumer: &Consumer, vpc_id: &str) -> Result<Vec<Check>> {
    let attribute = |name: VpcAttributeName| ec2.describe_vpc_attribute().vpc_id(vpc_id).attribute(name).send();
    let (support, hostnames) = tokio::join!(
        attribute(VpcAttributeName::EnableDnsSupport),
        attribute(VpcAttributeName::EnableDnsHostnames)
    );
    let mut checks = Vec::new();
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
        checks.push(if value == Some(true) {
            Check::passed(format!("{vpc_id} has {name} on."))
        } else {
            Check::failed(
                ErrorName::InvalidRequest,
                path(consumer),
                format!("{vpc_id} has {name} off; the vendor's private name resolves only with it on. Switch it on."),
            )
        });
    }
    Ok(checks)
}

/// The field of the request that names the VPC.
pub const fn path(consumer: &Consumer) -> &'static str {
    if consumer.vpc_id.is_some() {
        "/consumer/vpc_id"
    } else {
        "/consumer/vpc_tags"
    }
}
