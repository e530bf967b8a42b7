//! The network that endpoints live in: accounts with VPCs, subnets, zones and security groups.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use crate::fabric::zone_ids;

/// The stack's default for the name of the role in consumers' accounts.
pub const CONSUMER_ROLE: &str = "privatelink-workflow-consumer";
/// The stack's default for the external id of that role.
pub const CONSUMER_EXTERNAL_ID: &str = "privatelink-workflow";

/// All accounts.
#[derive(Debug, Clone)]
pub struct World {
    /// By account id, 12 digits.
    pub accounts: BTreeMap<String, Account>,
    /// The account of an access key that nobody knows.
    pub default_account: String,
    /// Access key id to account. A key that is 12 digits needs no entry: it is the account.
    pub access_keys: BTreeMap<String, String>,
}

/// One account's network, in all regions.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// By region. Names differ between accounts where ids don't.
    pub zones: BTreeMap<String, Vec<Zone>>,
    /// By id.
    pub vpcs: BTreeMap<String, Vpc>,
    /// By id.
    pub subnets: BTreeMap<String, Subnet>,
    /// By id.
    pub security_groups: BTreeMap<String, SecurityGroup>,
    /// Roles that other accounts may assume, by name.
    pub roles: BTreeMap<String, Role>,
}

/// A role whose trust asks for an external id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub external_id: String,
}

/// An availability zone as an account sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// `eu-west-1a`.
    pub name: String,
    /// `euw1-az1`.
    pub id: String,
}

#[derive(Debug, Clone)]
pub struct Vpc {
    pub region: String,
    pub cidr: Ipv4Net,
    /// Further CIDRs, in the order in which they were added.
    pub secondary_cidrs: Vec<Ipv4Net>,
    pub dns_support: bool,
    pub dns_hostnames: bool,
    /// The main route table, which all subnets have that are not `public`, leads to the internet gateway too.
    pub main_table_public: bool,
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub struct Subnet {
    pub vpc_id: String,
    pub cidr: Ipv4Net,
    pub zone: Zone,
    /// No address is free.
    pub full: bool,
    /// It is associated with a route table that leads to an internet gateway; else it has the VPC's main table.
    pub public: bool,
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub struct SecurityGroup {
    pub vpc_id: String,
    /// `default` is the VPC's own, which cannot be deleted.
    pub name: String,
    pub description: String,
    pub rules: Vec<Rule>,
    pub tags: BTreeMap<String, String>,
}

/// One rule of a security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `sgr-` and 17 hex digits.
    pub id: String,
    pub egress: bool,
    /// `tcp`, `udp`, `icmp`, a number, or `-1` for all.
    pub protocol: String,
    /// -1 for all.
    pub from_port: i32,
    /// -1 for all.
    pub to_port: i32,
    pub peer: Peer,
    pub description: Option<String>,
}

/// The other side of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    Cidr(String),
    CidrV6(String),
    /// A security group's id.
    Group(String),
    PrefixList(String),
}

impl Rule {
    /// TCP from a network to a range of ports.
    pub fn tcp(id: &str, from_port: i32, to_port: i32, cidr: &str) -> Self {
        Self {
            id: id.to_owned(),
            egress: false,
            protocol: "tcp".into(),
            from_port,
            to_port,
            peer: Peer::Cidr(cidr.to_owned()),
            description: None,
        }
    }

    /// Everything out, as every new group has.
    pub fn all_out(id: String) -> Self {
        Self {
            id,
            egress: true,
            protocol: "-1".into(),
            from_port: -1,
            to_port: -1,
            peer: Peer::Cidr("0.0.0.0/0".into()),
            description: None,
        }
    }

    /// The same traffic, whatever the rule's id and description.
    pub(super) fn same_traffic(&self, other: &Self) -> bool {
        let traffic = |rule: &Self| {
            (
                rule.egress,
                rule.protocol.clone(),
                rule.from_port,
                rule.to_port,
                rule.peer.clone(),
            )
        };
        traffic(self) == traffic(other)
    }
}

impl World {
    /// An account that was never seen is an empty one.
    pub fn account_mut(&mut self, id: &str) -> &mut Account {
        self.accounts.entry(id.to_owned()).or_default()
    }

    /// An account as a landing zone hands it out: the consumer's role, and one VPC with the tag `Name` = `main` and a subnet in each
    /// zone of the region. The VPC's id, which is made of the account's as in [`Account::add_vpc`].
    pub fn vend_account(&mut self, id: &str, region: &str, cidr: Ipv4Net) -> String {
        let account = self.account_mut(id);
        account.add_consumer_role();
        let vpc_id = account.add_vpc(region, id, cidr);
        account.tag_vpc(&vpc_id, "Name", "main");
        vpc_id
    }
}

impl Account {
    /// The VPC, if it is in this region.
    pub(super) fn vpc(&self, id: &str, region: &str) -> Option<&Vpc> {
        self.vpcs.get(id).filter(|vpc| vpc.region == region)
    }

    /// The VPC's own security group.
    pub(super) fn default_group(&self, vpc_id: &str) -> Option<&String> {
        self.security_groups
            .iter()
            .find(|(_, group)| group.vpc_id == vpc_id && group.name == "default")
            .map(|(id, _)| id)
    }

    /// A VPC with DNS on, its default security group, and one /24 subnet in each zone of the region. An account without zones
    /// in the region gets the region's first three.
    ///
    /// `hex` is a distinct string of up to 12 hex digits, from which the ids of the VPC, the subnets (`…1`, `…2`, `…3`) and the
    /// group are made.
    pub fn add_vpc(&mut self, region: &str, hex: &str, cidr: Ipv4Net) -> String {
        let vpc_id = format!("vpc-0{hex:0>16}");
        self.insert_vpc(&vpc_id, region, cidr, &format!("sg-0defa{hex:0>12}"));
        let zones = self.zones.entry(region.to_owned());
        let zones = zones.or_insert_with(|| zones_of(region, zone_ids(region))).clone();
        for ((zone, net), n) in zones.into_iter().zip(cidr.subnets(24).into_iter().flatten()).zip(1..) {
            self.insert_subnet(&format!("subnet-0{hex:0>15}{n:x}"), &vpc_id, net, zone);
        }
        vpc_id
    }

    /// The role of `infra/consumer-role.yaml`, with its defaults.
    pub fn add_consumer_role(&mut self) {
        let role = Role {
            external_id: CONSUMER_EXTERNAL_ID.to_owned(),
        };
        self.roles.insert(CONSUMER_ROLE.to_owned(), role);
    }

    /// A security group with exactly these rules; a group that EC2 makes also has [`Rule::all_out`].
    pub fn add_security_group(&mut self, id: &str, vpc_id: &str, name: &str, rules: Vec<Rule>, tags: &[(&str, &str)]) {
        let group = SecurityGroup {
            vpc_id: vpc_id.to_owned(),
            name: name.to_owned(),
            description: name.to_owned(),
            rules,
            tags: tags
                .iter()
                .map(|&(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        };
        self.security_groups.insert(id.to_owned(), group);
    }

    /// Sets a tag. `false`: the account has no such VPC.
    pub fn tag_vpc(&mut self, id: &str, key: &str, value: &str) -> bool {
        let vpc = self.vpcs.get_mut(id);
        vpc.map(|vpc| vpc.tags.insert(key.to_owned(), value.to_owned()))
            .is_some()
    }

    /// Sets a tag. `false`: the account has no such subnet.
    pub fn tag_subnet(&mut self, id: &str, key: &str, value: &str) -> bool {
        let subnet = self.subnets.get_mut(id);
        subnet
            .map(|subnet| subnet.tags.insert(key.to_owned(), value.to_owned()))
            .is_some()
    }

    fn insert_vpc(&mut self, id: &str, region: &str, cidr: Ipv4Net, group_id: &str) {
        let vpc = Vpc {
            region: region.to_owned(),
            cidr,
            secondary_cidrs: Vec::new(),
            dns_support: true,
            dns_hostnames: true,
            main_table_public: false,
            tags: BTreeMap::new(),
        };
        self.vpcs.insert(id.to_owned(), vpc);
        let rule_id = group_id.replacen("sg-", "sgr-", 1);
        let group = SecurityGroup {
            vpc_id: id.to_owned(),
            name: "default".into(),
            description: "default VPC security group".into(),
            rules: vec![Rule::all_out(rule_id)],
            tags: BTreeMap::new(),
        };
        self.security_groups.insert(group_id.to_owned(), group);
    }

    fn insert_subnet(&mut self, id: &str, vpc_id: &str, cidr: Ipv4Net, zone: Zone) {
        let subnet = Subnet {
            vpc_id: vpc_id.to_owned(),
            cidr,
            zone,
            full: false,
            public: false,
            tags: BTreeMap::new(),
        };
        self.subnets.insert(id.to_owned(), subnet);
    }
}

/// `eu-west-1a` to the zone id given for a, and so on.
fn zones_of(region: &str, ids: impl IntoIterator<Item = impl Into<String>>) -> Vec<Zone> {
    ids.into_iter()
        .zip('a'..='z')
        .map(|(id, letter)| Zone {
            name: format!("{region}{letter}"),
            id: id.into(),
        })
        .collect()
}

fn net(a: u8, b: u8, c: u8, prefix: u8) -> Ipv4Net {
    // Both prefixes used below are valid.
    Ipv4Net::new(std::net::Ipv4Addr::new(a, b, c, 0), prefix).unwrap_or_default()
}

impl Default for World {
    /// Account 111122223333 with `vpc-0a1b2c3d4e5f60718` in eu-west-1, and account 444455556666 with the consumer's role and a VPC of
    /// its own, in which the same zone names are other zones. Both VPCs have the tag `Name` = `main`.
    fn default() -> Self {
        let mut first = Account::default();
        first.zones.insert(
            "eu-west-1".into(),
            zones_of("eu-west-1", ["euw1-az1", "euw1-az2", "euw1-az3"]),
        );
        first.zones.insert(
            "us-east-1".into(),
            zones_of("us-east-1", ["use1-az1", "use1-az2", "use1-az4"]),
        );
        let vpc_id = "vpc-0a1b2c3d4e5f60718";
        first.insert_vpc(vpc_id, "eu-west-1", net(10, 20, 0, 16), "sg-0defa000000000001");
        first.tag_vpc(vpc_id, "Name", "main");
        for (zone, n) in first.zones["eu-west-1"].clone().into_iter().zip(1_u8..) {
            first.insert_subnet(&format!("subnet-0aaa1111bbb22220{n}"), vpc_id, net(10, 20, n, 24), zone);
        }
        let open = [(8200, 8200), (10_000, 31_000), (443, 443)];
        let mut rules: Vec<Rule> = (1..)
            .zip(open)
            .map(|(n, (from, to))| Rule::tcp(&format!("sgr-0c0ffee000000001{n}"), from, to, "10.20.0.0/16"))
            .collect();
        rules.push(Rule::all_out("sgr-0c0ffee0000000010".into()));
        first.security_groups.insert(
            "sg-0c0ffee0000000001".into(),
            SecurityGroup {
                vpc_id: vpc_id.into(),
                name: "privatelink-clients".into(),
                description: "Vault, Kafka and HTTPS from inside the VPC".into(),
                rules,
                tags: BTreeMap::new(),
            },
        );

        let mut second = Account::default();
        second.zones.insert(
            "eu-west-1".into(),
            zones_of("eu-west-1", ["euw1-az3", "euw1-az1", "euw1-az2"]),
        );
        let vpc_id = second.add_vpc("eu-west-1", "4444", net(10, 40, 0, 16));
        second.tag_vpc(&vpc_id, "Name", "main");
        second.add_consumer_role();

        Self {
            accounts: BTreeMap::from([("111122223333".into(), first), ("444455556666".into(), second)]),
            default_account: "111122223333".into(),
            access_keys: BTreeMap::new(),
        }
    }
}
