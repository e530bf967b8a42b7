//! The private hosted zone that makes a vendor's name resolve to the endpoint inside the VPC.
//!
//! The zone is named exactly as the one host, with an alias record at its apex: a zone for the vendor's whole domain would
//! make every other name below it unresolvable in the VPC. Ours is known by its `CallerReference`.

mod ensure;
mod remove;

use aws_sdk_route53::Client;
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, HostedZone, HostedZoneType, ResourceRecordSet, RrType, VpcRegion,
};
use shared::document::DnsEntry;
use shared::identity::ConnectionId;
use shared::{Error, ErrorName, Result, aws};

pub use ensure::{Place, ensure, not_ours};
pub use remove::{Fate, carry_out, fate, point_at};

/// A private zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    pub id: String,
    /// The host, without the final dot.
    pub name: String,
    /// Its `CallerReference`, which says whose it is and which execution made it.
    pub reference: String,
}

impl Zone {
    fn from_sdk(zone: &HostedZone) -> Self {
        Self {
            id: zone.id().trim_start_matches("/hostedzone/").to_owned(),
            name: zone.name().trim_end_matches('.').to_owned(),
            reference: zone.caller_reference().to_owned(),
        }
    }

    /// Of this connection.
    pub fn is_of(&self, connection: &ConnectionId) -> bool {
        self.reference.starts_with(&connection.zone_reference_prefix())
    }
}

/// The VPC's private zone with exactly this name.
///
/// # Errors
/// As Route 53 answers.
pub async fn find(route53: &Client, region: &str, vpc_id: &str, host: &str) -> Result<Option<Zone>> {
    let doing = "listing the VPC's private hosted zones";
    let mut token = None;
    let found = loop {
        let page = route53
            .list_hosted_zones_by_vpc()
            .vpc_id(vpc_id)
            .vpc_region(VpcRegion::from(region))
            .set_next_token(token)
            .send()
            .await
            .map_err(|e| aws::error(&e, doing))?;
        if let Some(zone) = page.hosted_zone_summaries().iter().find(|z| same_name(z.name(), host)) {
            break zone.hosted_zone_id().to_owned();
        }
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            return Ok(None);
        }
    };
    let id = found.trim_start_matches("/hostedzone/").to_owned();
    match route53.get_hosted_zone().id(&id).send().await {
        Ok(answer) => Ok(answer.hosted_zone().map(Zone::from_sdk)),
        Err(error) if aws::code(&error) == Some("NoSuchHostedZone") => Ok(None),
        Err(error) => Err(aws::error(&error, "reading the private hosted zone")),
    }
}

/// Every private zone of the account whose `CallerReference` is wanted, whether its VPC still exists or not.
///
/// # Errors
/// As Route 53 answers.
pub async fn all(route53: &Client, wanted: impl Fn(&str) -> bool) -> Result<Vec<Zone>> {
    let (mut zones, mut marker) = (Vec::new(), None);
    loop {
        let page = route53
            .list_hosted_zones()
            .hosted_zone_type(HostedZoneType::PrivateHostedZone)
            .set_marker(marker)
            .send()
            .await
            .map_err(|e| aws::error(&e, "listing the account's private hosted zones"))?;
        let ours = page.hosted_zones().iter().filter(|z| wanted(z.caller_reference()));
        zones.extend(ours.map(Zone::from_sdk));
        marker = page.next_marker().map(str::to_owned);
        if !page.is_truncated() || marker.is_none() {
            return Ok(zones);
        }
    }
}

/// Whether the zone's name answers with this target.
///
/// # Errors
/// As Route 53 answers.
pub async fn is_pointed_at(route53: &Client, zone: &Zone, target: &DnsEntry) -> Result<bool> {
    let record = alias(route53, &zone.id, &zone.name).await?;
    Ok(record.is_some_and(|record| points_to(&record, target)))
}

/// The alias A record at the zone's apex, if there is one.
async fn alias(route53: &Client, zone_id: &str, host: &str) -> Result<Option<ResourceRecordSet>> {
    let answer = route53
        .list_resource_record_sets()
        .hosted_zone_id(zone_id)
        .start_record_name(host)
        .start_record_type(RrType::A)
        .send()
        .await
        .map_err(|e| aws::error(&e, &format!("listing the records of the private hosted zone {zone_id}")))?;
    let found = answer
        .resource_record_sets()
        .iter()
        .find(|r| same_name(r.name(), host) && *r.r#type() == RrType::A);
    Ok(found.cloned())
}

async fn change(route53: &Client, zone_id: &str, action: ChangeAction, record: ResourceRecordSet) -> Result<()> {
    let built = Change::builder()
        .action(action)
        .resource_record_set(record)
        .build()
        .and_then(|change| ChangeBatch::builder().changes(change).build())
        .map_err(|e| incomplete(&e))?;
    match route53
        .change_resource_record_sets()
        .hosted_zone_id(zone_id)
        .change_batch(built)
        .send()
        .await
    {
        Ok(_) => Ok(()),
        Err(error) => Err(aws::error(
            &error,
            &format!("changing the record in the private hosted zone {zone_id}"),
        )),
    }
}

fn record(host: &str, target: &DnsEntry) -> Result<ResourceRecordSet> {
    AliasTarget::builder()
        .dns_name(&target.dns_name)
        .hosted_zone_id(&target.hosted_zone_id)
        .evaluate_target_health(false)
        .build()
        .and_then(|alias| {
            ResourceRecordSet::builder()
                .name(host)
                .r#type(RrType::A)
                .alias_target(alias)
                .build()
        })
        .map_err(|e| incomplete(&e))
}

fn points_to(record: &ResourceRecordSet, target: &DnsEntry) -> bool {
    record.alias_target().is_some_and(|alias| {
        same_name(alias.dns_name(), &target.dns_name) && alias.hosted_zone_id() == target.hosted_zone_id
    })
}

/// Names with and without the final dot are the same, in any case.
fn same_name(a: &str, b: &str) -> bool {
    a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.'))
}

fn incomplete(error: &dyn std::error::Error) -> Error {
    Error::new(
        ErrorName::Unexpected,
        format!("a DNS change could not be put together ({error}): this is a defect of the workflow."),
    )
}
