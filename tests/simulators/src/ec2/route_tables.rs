//! `DescribeRouteTables`: the main table of each VPC, and one for its public subnets, where it has such.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::Ec2;
use super::caller::Caller;
use super::error::Ec2Error;
use super::network::cidrs;
use super::query::Params;
use super::world::{Account, Vpc};
use super::xml::Xml;

/// Ids are made from those of the VPC and the subnets, so that the world need not hold tables.
struct RouteTable {
    id: String,
    vpc_id: String,
    local: Vec<Ipv4Net>,
    internet_gateway: Option<String>,
    main: bool,
    /// Those that are associated explicitly; every other subnet has the main table.
    subnet_ids: Vec<String>,
}

pub(super) fn describe_route_tables(
    ec2: &Ec2,
    caller: &Caller,
    params: &Params,
    xml: &mut Xml,
) -> Result<(), Ec2Error> {
    let filters = params.filters(&["vpc-id", "association.subnet-id", "association.main", "route-table-id"])?;
    let mut inner = ec2.lock();
    let account = inner.world.account_mut(&caller.account);
    let vpcs = account.vpcs.iter().filter(|(_, vpc)| vpc.region == caller.region);
    let mut tables: Vec<_> = vpcs.flat_map(|(id, vpc)| tables_of(account, id, vpc)).collect();

    let ids = params.list("RouteTableId");
    if let Some(unknown) = ids.iter().find(|id| tables.iter().all(|table| table.id != **id)) {
        let message = format!("The routeTable ID '{unknown}' does not exist");
        return Err(Ec2Error::bad("InvalidRouteTableID.NotFound", message));
    }
    let no_tags = BTreeMap::new();
    tables.retain(|table| {
        let matches = filters.match_item(&no_tags, |name| match name {
            "vpc-id" => vec![table.vpc_id.clone()],
            "association.subnet-id" => table.subnet_ids.clone(),
            "association.main" => vec![table.main.to_string()],
            _ => vec![table.id.clone()],
        });
        matches && (ids.is_empty() || ids.contains(&table.id))
    });
    let (page, next) = params.page(tables)?;
    xml.list("routeTableSet", page, |xml, table| {
        xml.text("routeTableId", &table.id)
            .text("vpcId", &table.vpc_id)
            .text("ownerId", &caller.account);
        write_routes(xml, &table);
        write_associations(xml, &table);
        xml.node("propagatingVgwSet", |_| {}).tags(&no_tags);
    });
    if let Some(token) = next {
        xml.text("nextToken", token);
    }
    Ok(())
}

fn tables_of(account: &Account, vpc_id: &str, vpc: &Vpc) -> Vec<RouteTable> {
    let subnets = account
        .subnets
        .iter()
        .filter(|(_, subnet)| subnet.vpc_id == vpc_id && subnet.public);
    let public: Vec<String> = subnets.map(|(id, _)| id.clone()).collect();
    let gateway = vpc_id.replacen("vpc-", "igw-", 1);
    let table = |mark, main, internet_gateway, subnet_ids| RouteTable {
        id: format!("rtb-0{mark}{}", vpc_id.get(6..).unwrap_or_default()),
        vpc_id: vpc_id.to_owned(),
        local: cidrs(vpc).collect(),
        internet_gateway,
        main,
        subnet_ids,
    };
    let mut tables = vec![table(
        'a',
        true,
        vpc.main_table_public.then(|| gateway.clone()),
        Vec::new(),
    )];
    if !public.is_empty() {
        tables.push(table('b', false, Some(gateway), public));
    }
    tables
}

fn write_routes(xml: &mut Xml, table: &RouteTable) {
    let local = table
        .local
        .iter()
        .map(|cidr| (cidr.to_string(), "local", "CreateRouteTable"));
    let out = table
        .internet_gateway
        .iter()
        .map(|gateway| ("0.0.0.0/0".to_owned(), gateway.as_str(), "CreateRoute"));
    xml.list("routeSet", local.chain(out), |xml, (cidr, gateway, origin)| {
        xml.text("destinationCidrBlock", cidr)
            .text("gatewayId", gateway)
            .text("state", "active")
            .text("origin", origin);
    });
}

fn write_associations(xml: &mut Xml, table: &RouteTable) {
    let main = table.main.then_some(None);
    let explicit = table.subnet_ids.iter().map(Some);
    xml.list("associationSet", main.into_iter().chain(explicit), |xml, subnet_id| {
        let id = match subnet_id {
            Some(subnet_id) => subnet_id.replacen("subnet-", "rtbassoc-", 1),
            None => table.id.replacen("rtb-", "rtbassoc-", 1),
        };
        xml.text("routeTableAssociationId", id)
            .text("routeTableId", &table.id)
            .text("main", table.main);
        if let Some(subnet_id) = subnet_id {
            xml.text("subnetId", subnet_id);
        }
        xml.node("associationState", |xml| {
            xml.text("state", "associated");
        });
    });
}
