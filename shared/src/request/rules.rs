//! The rules of a request that its schema cannot say.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;

use super::validate::{Violation, escape};
use super::{Action, Aiven, COMPONENTS_BY_SERVICE_TYPE, Goal, HcpVault, Provider, Request};
use crate::identity::TAG_PREFIX;

/// Every violation of them.
pub(super) fn rules(request: &Request, secret_name_prefix: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    match &request.provider {
        Provider::HcpVault(hcp) => hcp_rules(hcp, &mut violations),
        Provider::Aiven(aiven) => aiven_rules(aiven, &mut violations),
    }
    principals(request, &mut violations);
    consumer(request, &mut violations);
    secret(request, secret_name_prefix, &mut violations);
    tags(request, &mut violations);
    violations
}

fn hcp_rules(hcp: &HcpVault, violations: &mut Vec<Violation>) {
    cidrs("/provider/consumer_ip_ranges", &hcp.consumer_ip_ranges, violations);
    cidrs(
        "/provider/remove_consumer_ip_ranges",
        &hcp.remove_consumer_ip_ranges,
        violations,
    );
    disjoint(
        "consumer_accounts",
        &hcp.consumer_accounts,
        &hcp.remove_consumer_accounts,
        violations,
    );
    disjoint(
        "consumer_ip_ranges",
        &hcp.consumer_ip_ranges,
        &hcp.remove_consumer_ip_ranges,
        violations,
    );
    disjoint(
        "consumer_regions",
        &hcp.consumer_regions,
        &hcp.remove_consumer_regions,
        violations,
    );
}

/// Networks, each without host bits, and none of them everything.
fn cidrs(field: &str, ranges: &[String], violations: &mut Vec<Violation>) {
    for (i, range) in ranges.iter().enumerate() {
        let path = format!("{field}/{i}");
        match range.parse::<Ipv4Net>() {
            Err(_) => violations.push(Violation::at(
                path,
                format!("\"{range}\" is not an IPv4 CIDR range like 10.20.0.0/16"),
            )),
            Ok(net) if net.trunc() != net => {
                violations.push(Violation::at(
                    path,
                    format!("\"{range}\" has host bits set; the network is {}", net.trunc()),
                ));
            }
            // Some read 010 as 8, and the vendors get it as it is written.
            Ok(net) if net.to_string() != *range => violations.push(Violation::at(
                path,
                format!("\"{range}\" is written with leading zeros; write {net}"),
            )),
            Ok(net) if net.prefix_len() == 0 => violations.push(Violation::at(path, "must not be the whole Internet")),
            Ok(_) => {}
        }
    }
}

/// What a request needs cannot be what it wants removed.
fn disjoint(field: &str, wanted: &[String], removed: &[String], violations: &mut Vec<Violation>) {
    for (i, item) in removed.iter().enumerate().filter(|(_, item)| wanted.contains(item)) {
        violations.push(Violation::at(
            format!("/provider/remove_{field}/{i}"),
            format!("the request needs \"{item}\" in {field}, by itself or by default"),
        ));
    }
}

fn consumer(request: &Request, violations: &mut Vec<Violation>) {
    let consumer = &request.consumer;
    partition("/consumer/region", &consumer.region, violations);
    let regions = match &request.provider {
        Provider::HcpVault(hcp) => ("consumer_regions", &hcp.consumer_regions),
        Provider::Aiven(aiven) => ("supported_regions", &aiven.supported_regions),
    };
    for (i, region) in regions.1.iter().enumerate().filter(|(_, r)| **r != consumer.region) {
        partition(&format!("/provider/{}/{i}", regions.0), region, violations);
    }
    if consumer
        .role_arn
        .as_deref()
        .is_some_and(|arn| !arn.starts_with("arn:aws:"))
    {
        violations.push(Violation::at(
            "/consumer/role_arn",
            "is a role of another AWS partition than the commercial one (arn:aws:…), where this workflow does not work",
        ));
    }
    if let Some(account) = consumer.role_arn.as_deref().and_then(|arn| arn.split(':').nth(4))
        && account != consumer.account_id
    {
        violations.push(Violation::at(
            "/consumer/role_arn",
            format!(
                "is a role in account {account}, but the VPC is in account {}",
                consumer.account_id
            ),
        ));
    }
    match (&consumer.vpc_id, consumer.vpc_tags.is_empty()) {
        (None, true) => violations.push(Violation::at(
            "/consumer/vpc_id",
            "missing; name the VPC by vpc_id or by vpc_tags",
        )),
        (Some(_), false) => violations.push(Violation::at(
            "/consumer/vpc_tags",
            "the VPC is named by vpc_id already; leave one of them out",
        )),
        _ => {}
    }
    if !consumer.subnet_ids.is_empty() && !consumer.subnet_tags.is_empty() {
        violations.push(Violation::at(
            "/consumer/subnet_tags",
            "the subnets are named by subnet_ids already; leave one of them out",
        ));
    }
    cidrs("/consumer/client_cidrs", &consumer.client_cidrs, violations);
    if !consumer.client_cidrs.is_empty() && !consumer.has_managed_group() {
        violations.push(Violation::at(
            "/consumer/client_cidrs",
            "is for the security group that the workflow makes when security_group_ids has none; leave one of them out",
        ));
    }
    if let Some(old) = &consumer.replaces_vpc_id {
        if !request.allow_replace {
            violations.push(Violation::at(
                "/consumer/replaces_vpc_id",
                "takes another connection away; say so by \"allow_replace\": true",
            ));
        }
        if consumer.vpc_id.as_ref() == Some(old) {
            violations.push(Violation::at(
                "/consumer/replaces_vpc_id",
                "is the connection's own VPC",
            ));
        }
    }
    if request.action != Action::Plan && request.plan_for != Goal::default() {
        violations.push(Violation::at("/plan_for", "is only for the action \"plan\""));
    }
}

/// PrivateLink ends at the border of a partition, and the vendors are in the commercial one.
fn partition(path: &str, region: &str, violations: &mut Vec<Violation>) {
    let others = ["cn-", "us-gov-", "us-iso-", "us-isob-", "us-isof-", "eu-isoe-", "eusc-"];
    if others.iter().any(|prefix| region.starts_with(prefix)) {
        violations.push(Violation::at(
            path,
            format!(
                "\"{region}\" is in another AWS partition than the commercial one, where this workflow does not work"
            ),
        ));
    }
}

fn aiven_rules(aiven: &Aiven, violations: &mut Vec<Violation>) {
    disjoint("principals", &aiven.principals, &aiven.remove_principals, violations);
    disjoint(
        "supported_regions",
        &aiven.supported_regions,
        &aiven.remove_supported_regions,
        violations,
    );
    let known: BTreeSet<&str> = COMPONENTS_BY_SERVICE_TYPE
        .iter()
        .flat_map(|(_, components)| components.iter().copied())
        .collect();
    for (i, component) in aiven.components.iter().enumerate() {
        if !known.contains(component.as_str()) {
            let names = known.iter().copied().collect::<Vec<_>>().join(", ");
            violations.push(Violation::at(
                format!("/provider/components/{i}"),
                format!(
                    "\"{component}\" is no component that any service type offers over PrivateLink; known: {names}"
                ),
            ));
        }
    }
}

/// A principal of the consumer's account must be among the principals, or the endpoint could never be made.
fn principals(request: &Request, violations: &mut Vec<Violation>) {
    let principals = request.provider.principals();
    let account = format!("arn:aws:iam::{}:", request.consumer.account_id);
    if !principals.is_empty() && !principals.iter().any(|p| p.starts_with(&account)) {
        violations.push(Violation::at(
            format!("/provider/{}", request.provider.principals_field()),
            format!(
                "has no principal of the consumer account {}; add {account}root or leave the field out",
                request.consumer.account_id
            ),
        ));
    }
}

fn secret(request: &Request, prefix: &str, violations: &mut Vec<Violation>) {
    let id = request.provider.secret_id();
    // An ARN ends with the name and six random characters: arn:aws:secretsmanager:<region>:<account>:secret:<name>-AbCdEf
    let name = if id.starts_with("arn:") {
        let parts: Vec<&str> = id.splitn(7, ':').collect();
        match parts[..] {
            ["arn", "aws", "secretsmanager", _, _, "secret", name] => Some(name),
            _ => {
                violations.push(Violation::at(
                    "/provider/secret_id",
                    "is no ARN of a secret: arn:aws:secretsmanager:<region>:<account>:secret:<name>-<6 characters>",
                ));
                return;
            }
        }
    } else {
        Some(id)
    };
    if !name.is_some_and(|name| name.starts_with(prefix) && name.len() > prefix.len()) {
        violations.push(Violation::at(
            "/provider/secret_id",
            format!("must name a secret whose name starts with \"{prefix}\" (the stack's SecretNamePrefix)"),
        ));
    }
}

fn tags(request: &Request, violations: &mut Vec<Violation>) {
    let consumer = &request.consumer;
    for (field, tags) in [
        ("tags", &consumer.tags),
        ("vpc_tags", &consumer.vpc_tags),
        ("subnet_tags", &consumer.subnet_tags),
    ] {
        for (key, value) in tags {
            tag(field, key, value, violations);
        }
    }
}

fn tag(field: &str, key: &str, value: &str, violations: &mut Vec<Violation>) {
    let path = format!("/consumer/{field}/{}", escape(key));
    if key.is_empty() || key.chars().count() > 128 {
        violations.push(Violation::at(&path, "the key must have 1 to 128 characters"));
    }
    // IAM knows no case in the keys of tags.
    let lower = key.to_ascii_lowercase();
    let reserved = lower.starts_with("aws:") || lower.starts_with(TAG_PREFIX);
    // The other fields only select by tags that are there.
    if field == "tags" && reserved {
        violations.push(Violation::at(
            &path,
            format!("the key must not start with \"aws:\" or \"{TAG_PREFIX}\""),
        ));
    }
    if value.chars().count() > 256 {
        violations.push(Violation::at(&path, "the value must have at most 256 characters"));
    }
}
