//! Ingress rules, one for each port range and source, and the difference of two sets of them.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, UserIdGroupPair};

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// `tcp`, or whatever somebody has put in.
    protocol: String,
    /// None for protocols without ports.
    ports: Option<(i32, i32)>,
    source: Source,
}

/// Who is let in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Cidr(String),
    CidrV6(String),
    /// Another group: its account, where EC2 says so, and its id.
    Group(Option<String>, String),
    PrefixList(String),
}

/// The rules that let these clients in on these ports (inclusive ranges).
pub fn wanted(ports: &[(u16, u16)], cidrs: &[String]) -> BTreeSet<Rule> {
    let rule = |&(from, to): &(u16, u16), cidr: &String| Rule {
        protocol: "tcp".to_owned(),
        ports: Some((i32::from(from), i32::from(to))),
        source: Source::Cidr(cidr.clone()),
    };
    let of_ports = |ports| cidrs.iter().map(move |cidr| rule(ports, cidr));
    ports.iter().flat_map(of_ports).collect()
}

/// Every rule that EC2 lists.
pub fn listed(permissions: &[IpPermission]) -> BTreeSet<Rule> {
    let mut rules = BTreeSet::new();
    for permission in permissions {
        let mut add = |source: Source| {
            rules.insert(Rule {
                protocol: permission.ip_protocol().unwrap_or_default().to_owned(),
                ports: permission.from_port().zip(permission.to_port()),
                source,
            });
        };
        let v4 = permission.ip_ranges().iter().filter_map(IpRange::cidr_ip);
        v4.for_each(|cidr| add(Source::Cidr(cidr.to_owned())));
        let v6 = permission.ipv6_ranges().iter().filter_map(Ipv6Range::cidr_ipv6);
        v6.for_each(|cidr| add(Source::CidrV6(cidr.to_owned())));
        let lists = permission.prefix_list_ids().iter();
        lists
            .filter_map(PrefixListId::prefix_list_id)
            .for_each(|id| add(Source::PrefixList(id.to_owned())));
        for pair in permission.user_id_group_pairs() {
            if let Some(id) = pair.group_id() {
                add(Source::Group(pair.user_id().map(str::to_owned), id.to_owned()));
            }
        }
    }
    rules
}

/// As EC2 wants them.
pub fn permissions(rules: &BTreeSet<Rule>) -> Vec<IpPermission> {
    let permissions = rules.iter().map(|rule| {
        let permission = IpPermission::builder()
            .ip_protocol(&rule.protocol)
            .set_from_port(rule.ports.map(|(from, _)| from))
            .set_to_port(rule.ports.map(|(_, to)| to));
        match &rule.source {
            Source::Cidr(cidr) => permission.ip_ranges(IpRange::builder().cidr_ip(cidr).build()),
            Source::CidrV6(cidr) => permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(cidr).build()),
            Source::PrefixList(id) => permission.prefix_list_ids(PrefixListId::builder().prefix_list_id(id).build()),
            Source::Group(account, id) => permission.user_id_group_pairs(
                UserIdGroupPair::builder()
                    .group_id(id)
                    .set_user_id(account.clone())
                    .build(),
            ),
        }
        .build()
    });
    permissions.collect()
}

/// `tcp 8200 from 10.20.0.0/16`, each.
pub fn in_words(rules: &BTreeSet<Rule>) -> Vec<String> {
    let words = rules.iter().map(|rule| {
        let ports = match rule.ports {
            Some((from, to)) if from == to => format!(" {from}"),
            Some((from, to)) => format!(" {from}-{to}"),
            None => String::new(),
        };
        let source = match &rule.source {
            Source::Cidr(source) | Source::CidrV6(source) | Source::Group(_, source) | Source::PrefixList(source) => {
                source
            }
        };
        format!("{}{ports} from {source}", rule.protocol)
    });
    words.collect()
}

/// "port 8200" or "ports 10000-31000".
pub fn ports(from: u16, to: u16) -> String {
    if from == to {
        format!("port {from}")
    } else {
        format!("ports {from}-{to}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_listed() {
        let cidrs = ["10.20.0.0/16", "10.21.0.0/16"].map(str::to_owned);
        let rules = wanted(&[(8200, 8200), (10_000, 31_000)], &cidrs);
        assert_eq!(rules.len(), 4);
        assert_eq!(listed(&permissions(&rules)), rules);
        assert_eq!(in_words(&rules)[0], "tcp 8200 from 10.20.0.0/16");
    }

    #[test]
    fn rules_of_other_people_survive_the_way_back_to_ec2() {
        let odd = BTreeSet::from([
            Rule {
                protocol: "-1".to_owned(),
                ports: None,
                source: Source::Group(Some("111122223333".to_owned()), "sg-1".to_owned()),
            },
            Rule {
                protocol: "udp".to_owned(),
                ports: Some((53, 53)),
                source: Source::PrefixList("pl-1".to_owned()),
            },
            Rule {
                protocol: "tcp".to_owned(),
                ports: Some((22, 22)),
                source: Source::CidrV6("::/0".to_owned()),
            },
        ]);
        assert_eq!(listed(&permissions(&odd)), odd);
    }
}
