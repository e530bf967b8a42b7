//! The rules of a request that its schema cannot say.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;

use super::validate::{Violation, escape};
use super::{Aiven, COMPONENTS_BY_SERVICE_TYPE, HcpVault, Provider, Request};
use crate::identity::TAG_PREFIX;

/// Every violation of them.
pub(super) fn rules(request: &Request, secret_name_prefix: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    match &request.provider {
        Provider::HcpVault(hcp) => hcp_rules(hcp, &mut violations),
        Provider::Aiven(aiven) => aiven_rules(aiven, &mut violations),
    }
    principals(request, &mut violations);
    secret(request, secret_name_prefix, &mut violations);
    tags(request, &mut violations);
    violations
}

fn hcp_rules(hcp: &HcpVault, violations: &mut Vec<Violation>) {
    for (i, range) in hcp.consumer_ip_ranges.iter().enumerate() {
        let path = format!("/provider/consumer_ip_ranges/{i}");
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
            Ok(net) if net.prefix_len() == 0 => violations.push(Violation::at(path, "must not be the whole Internet")),
            Ok(_) => {}
        }
    }
}

fn aiven_rules(aiven: &Aiven, violations: &mut Vec<Violation>) {
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
        id.splitn(7, ':').nth(6)
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
    for (key, value) in &request.consumer.tags {
        let path = format!("/consumer/tags/{}", escape(key));
        if key.is_empty() || key.chars().count() > 128 {
            violations.push(Violation::at(&path, "the key must have 1 to 128 characters"));
        }
        if key.to_ascii_lowercase().starts_with("aws:") || key.starts_with(TAG_PREFIX) {
            violations.push(Violation::at(
                &path,
                format!("the key must not start with \"aws:\" or \"{TAG_PREFIX}\""),
            ));
        }
        if value.chars().count() > 256 {
            violations.push(Violation::at(&path, "the value must have at most 256 characters"));
        }
    }
}
