//! The rules of security groups: describe, authorize, revoke.

use super::Ec2;
use super::caller::Caller;
use super::error::Ec2Error;
use super::groups::group;
use super::query::Params;
use super::world::{Peer, Rule};
use super::xml::Xml;

pub(super) fn describe_security_group_rules(
    ec2: &Ec2,
    caller: &Caller,
    params: &Params,
    xml: &mut Xml,
) -> Result<(), Ec2Error> {
    let filters = params.filters(&["group-id", "security-group-rule-id"])?;
    let mut inner = ec2.lock();
    let account = inner.world.account_mut(&caller.account);
    let groups = account
        .security_groups
        .iter()
        .filter(|(_, group)| account.vpc(&group.vpc_id, &caller.region).is_some());
    let mut rules: Vec<(&String, &Rule)> = groups
        .flat_map(|(id, group)| group.rules.iter().map(move |rule| (id, rule)))
        .collect();
    let ids = params.list("SecurityGroupRuleId");
    if let Some(unknown) = ids.iter().find(|id| rules.iter().all(|(_, rule)| rule.id != **id)) {
        return Err(no_rule(unknown));
    }
    rules.retain(|(group_id, rule)| {
        let matches = filters.match_item(&std::collections::BTreeMap::new(), |name| {
            vec![if name == "group-id" {
                (*group_id).clone()
            } else {
                rule.id.clone()
            }]
        });
        matches && (ids.is_empty() || ids.contains(&rule.id))
    });
    let (page, next) = params.page(rules)?;
    xml.list("securityGroupRuleSet", page, |xml, (group_id, rule)| {
        write_rule(xml, rule, group_id, &caller.account)
    });
    if let Some(token) = next {
        xml.text("nextToken", token);
    }
    Ok(())
}

pub(super) fn authorize_ingress(ec2: &Ec2, caller: &Caller, params: &Params, xml: &mut Xml) -> Result<(), Ec2Error> {
    authorize(ec2, caller, params, xml, false)
}

pub(super) fn authorize_egress(ec2: &Ec2, caller: &Caller, params: &Params, xml: &mut Xml) -> Result<(), Ec2Error> {
    authorize(ec2, caller, params, xml, true)
}

pub(super) fn revoke_ingress(ec2: &Ec2, caller: &Caller, params: &Params, xml: &mut Xml) -> Result<(), Ec2Error> {
    revoke(ec2, caller, params, xml, false)
}

pub(super) fn revoke_egress(ec2: &Ec2, caller: &Caller, params: &Params, xml: &mut Xml) -> Result<(), Ec2Error> {
    revoke(ec2, caller, params, xml, true)
}

fn authorize(ec2: &Ec2, caller: &Caller, params: &Params, xml: &mut Xml, egress: bool) -> Result<(), Ec2Error> {
    let id = params.required("GroupId")?;
    let mut asked = permissions(params, egress)?;
    if asked.is_empty() {
        return Err(Ec2Error::missing("ipPermissions"));
    }
    let mut inner = ec2.lock();
    let account = inner.world.account_mut(&caller.account);
    let existing = &group(account, caller, id)?.rules;
    if let Some(twice) = asked
        .iter()
        .find(|rule| existing.iter().any(|other| other.same_traffic(rule)))
    {
        let message = format!(
            "the specified rule \"peer: {}, {}, from port: {}, to port: {}, ALLOW\" already exists",
            peer_text(&twice.peer),
            twice.protocol.to_uppercase(),
            twice.from_port,
            twice.to_port
        );
        return Err(Ec2Error::bad("InvalidPermission.Duplicate", message));
    }
    for rule in &asked {
        if let Peer::Group(peer) = &rule.peer {
            group(account, caller, peer)?;
        }
    }
    let mut state = ec2.fabric.state();
    for rule in &mut asked {
        rule.id = format!("sgr-{}", state.fresh_hex());
    }
    xml.text("return", true)
        .list("securityGroupRuleSet", &asked, |xml, rule| {
            write_rule(xml, rule, id, &caller.account)
        });
    if let Some(group) = account.security_groups.get_mut(id) {
        group.rules.extend(asked);
    }
    Ok(())
}

fn revoke(ec2: &Ec2, caller: &Caller, params: &Params, xml: &mut Xml, egress: bool) -> Result<(), Ec2Error> {
    let id = params.required("GroupId")?;
    let mut inner = ec2.lock();
    let account = inner.world.account_mut(&caller.account);
    let existing = &group(account, caller, id)?.rules;
    let mut revoked = Vec::new();
    for rule_id in params.list("SecurityGroupRuleId") {
        let rule = existing.iter().find(|rule| rule.id == rule_id && rule.egress == egress);
        revoked.push(rule.ok_or_else(|| no_rule(&rule_id))?.id.clone());
    }
    for asked in permissions(params, egress)? {
        let rule = existing.iter().find(|rule| rule.same_traffic(&asked)).ok_or_else(|| {
            Ec2Error::bad(
                "InvalidPermission.NotFound",
                "The specified rule does not exist in this security group.",
            )
        })?;
        revoked.push(rule.id.clone());
    }
    if let Some(group) = account.security_groups.get_mut(id) {
        group.rules.retain(|rule| !revoked.contains(&rule.id));
    }
    xml.text("return", true);
    Ok(())
}

/// The rules that a call describes, without ids: one for each peer of each `IpPermissions.n`, or of the flat parameters.
fn permissions(params: &Params, egress: bool) -> Result<Vec<Rule>, Ec2Error> {
    let mut prefixes: Vec<String> = params
        .indexes("IpPermissions")
        .into_iter()
        .map(|n| format!("IpPermissions.{n}."))
        .collect();
    if params.get("IpProtocol").is_some() {
        prefixes.push(String::new());
    }
    let mut rules = Vec::new();
    for prefix in prefixes {
        let protocol = match params.required(&format!("{prefix}IpProtocol"))? {
            "6" => "tcp".to_owned(),
            "17" => "udp".to_owned(),
            "all" => "-1".to_owned(),
            other => other.to_lowercase(),
        };
        let (from_port, to_port) = if protocol == "-1" {
            (-1, -1)
        } else {
            let port = |name: &str| {
                params
                    .number(&format!("{prefix}{name}"))?
                    .ok_or_else(|| Ec2Error::missing(name))
            };
            (port("FromPort")?, port("ToPort")?)
        };
        if from_port > to_port || to_port > 65_535 {
            return Err(Ec2Error::invalid_value(format!(
                "Invalid TCP/UDP port range ({from_port}:{to_port})"
            )));
        }
        for (peer, description) in peers(params, &prefix)? {
            rules.push(Rule {
                id: String::new(),
                egress,
                protocol: protocol.clone(),
                from_port,
                to_port,
                peer,
                description,
            });
        }
    }
    Ok(rules)
}

type DescribedPeer = (Peer, Option<String>);
type MakePeer = fn(String) -> Peer;
type IsPeer = fn(&Peer) -> bool;

fn peers(params: &Params, prefix: &str) -> Result<Vec<DescribedPeer>, Ec2Error> {
    let lists: [(&str, &str, MakePeer); 4] = [
        ("IpRanges", "CidrIp", Peer::Cidr),
        ("Ipv6Ranges", "CidrIpv6", Peer::CidrV6),
        ("Groups", "GroupId", Peer::Group),
        ("PrefixListIds", "PrefixListId", Peer::PrefixList),
    ];
    let mut peers = Vec::new();
    for (list, field, peer) in lists {
        for n in params.indexes(&format!("{prefix}{list}")) {
            let value = params.required(&format!("{prefix}{list}.{n}.{field}"))?;
            let description = params
                .get(&format!("{prefix}{list}.{n}.Description"))
                .map(str::to_owned);
            peers.push((peer(value.to_owned()), description));
        }
    }
    if prefix.is_empty()
        && let Some(cidr) = params.get("CidrIp")
    {
        peers.push((Peer::Cidr(cidr.to_owned()), None));
    }
    let malformed = peers.iter().find_map(|(peer, _)| match peer {
        Peer::Cidr(cidr) if cidr.parse::<ipnet::Ipv4Net>().is_err() => Some(cidr),
        _ => None,
    });
    match malformed {
        Some(cidr) => Err(Ec2Error::invalid_value(format!("CIDR block {cidr} is malformed"))),
        None => Ok(peers),
    }
}

/// `ipPermissions` as `DescribeSecurityGroups` groups them: by protocol and ports.
pub(super) fn write_permissions(xml: &mut Xml, name: &str, rules: &[Rule], egress: bool, account: &str) {
    let mut groups: Vec<Vec<&Rule>> = Vec::new();
    for rule in rules.iter().filter(|rule| rule.egress == egress) {
        let key = |rule: &Rule| (rule.protocol.clone(), rule.from_port, rule.to_port);
        match groups.iter_mut().find(|group| key(group[0]) == key(rule)) {
            Some(group) => group.push(rule),
            None => groups.push(vec![rule]),
        }
    }
    xml.list(name, groups, |xml, rules| {
        xml.text("ipProtocol", &rules[0].protocol);
        if rules[0].protocol != "-1" {
            xml.text("fromPort", rules[0].from_port)
                .text("toPort", rules[0].to_port);
        }
        let lists: [(&str, IsPeer); 4] = [
            ("groups", |peer| matches!(peer, Peer::Group(_))),
            ("ipRanges", |peer| matches!(peer, Peer::Cidr(_))),
            ("ipv6Ranges", |peer| matches!(peer, Peer::CidrV6(_))),
            ("prefixListIds", |peer| matches!(peer, Peer::PrefixList(_))),
        ];
        for (list, belongs) in lists {
            xml.list(list, rules.iter().filter(|rule| belongs(&rule.peer)), |xml, rule| {
                match &rule.peer {
                    Peer::Group(id) => xml.text("userId", account).text("groupId", id),
                    Peer::Cidr(cidr) => xml.text("cidrIp", cidr),
                    Peer::CidrV6(cidr) => xml.text("cidrIpv6", cidr),
                    Peer::PrefixList(id) => xml.text("prefixListId", id),
                };
                if let Some(description) = &rule.description {
                    xml.text("description", description);
                }
            });
        }
    });
}

fn write_rule(xml: &mut Xml, rule: &Rule, group_id: &str, account: &str) {
    xml.text("securityGroupRuleId", &rule.id)
        .text("groupId", group_id)
        .text("groupOwnerId", account)
        .text("isEgress", rule.egress)
        .text("ipProtocol", &rule.protocol)
        .text("fromPort", rule.from_port)
        .text("toPort", rule.to_port);
    match &rule.peer {
        Peer::Cidr(cidr) => xml.text("cidrIpv4", cidr),
        Peer::CidrV6(cidr) => xml.text("cidrIpv6", cidr),
        Peer::PrefixList(id) => xml.text("prefixListId", id),
        Peer::Group(id) => xml.node("referencedGroupInfo", |xml| {
            xml.text("groupId", id).text("userId", account);
        }),
    };
    if let Some(description) = &rule.description {
        xml.text("description", description);
    }
    xml.node("tagSet", |_| {});
}

fn peer_text(peer: &Peer) -> &str {
    match peer {
        Peer::Cidr(text) | Peer::CidrV6(text) | Peer::Group(text) | Peer::PrefixList(text) => text,
    }
}

fn no_rule(id: &str) -> Ec2Error {
    Ec2Error::bad(
        "InvalidSecurityGroupRuleId.NotFound",
        format!("The security group rule ID '{id}' does not exist"),
    )
}
