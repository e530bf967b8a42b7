//! The private hosted zone that makes a vendor's name resolve to the endpoint inside the VPC.
//!
//! The zone is named exactly as the one host, with an alias record at its apex: a zone for the vendor's whole domain would
//! make every other name below it unresolvable in the VPC. Ours is known by its `CallerReference`.

use aws_sdk_route53::Client;
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, HostedZoneConfig, ResourceRecordSet, RrType, Vpc, VpcRegion,
};
use shared::document::{DnsEntry, Document};
use shared::identity::ConnectionId;
use shared::progress::{Look, Pending};
use shared::request::Consumer;
use shared::{Error, ErrorName, Result, aws};

/// After a write, to see it.
const AFTER_WRITE_SECONDS: u32 = 5;
/// Looks for which a zone that must exist may stay unlisted.
const LOOKS_UNTIL_LISTED: u32 = 8;

/// A private zone of the host's name that the VPC is associated with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    pub id: String,
    /// Of this connection.
    pub ours: bool,
    /// Its `CallerReference`, which also says which execution made it.
    reference: String,
}

/// The VPC's private zone with exactly this name.
///
/// # Errors
/// As Route 53 answers.
pub async fn find(
    route53: &Client,
    consumer: &Consumer,
    host: &str,
    connection: &ConnectionId,
) -> Result<Option<Zone>> {
    let doing = "listing the VPC's private hosted zones";
    let mut token = None;
    let found = loop {
        let page = route53
            .list_hosted_zones_by_vpc()
            .vpc_id(&consumer.vpc_id)
            .vpc_region(VpcRegion::from(consumer.region.as_str()))
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
        Ok(answer) => {
            let reference = answer
                .hosted_zone()
                .map(|z| z.caller_reference().to_owned())
                .unwrap_or_default();
            let ours = reference.starts_with(&connection.zone_reference_prefix());
            Ok(Some(Zone { id, ours, reference }))
        }
        Err(error) if aws::code(&error) == Some("NoSuchHostedZone") => Ok(None),
        Err(error) => Err(aws::error(&error, "reading the private hosted zone")),
    }
}

/// Makes the host resolve to the endpoint in the VPC; ready with the zone's id.
///
/// # Errors
/// `InvalidRequest` when the VPC has a zone of that name that is not ours.
pub async fn ensure(
    route53: &Client,
    document: &Document,
    host: &str,
    target: &DnsEntry,
    attempt: u32,
) -> Result<Look<String>> {
    let consumer = &document.request.consumer;
    let Some(zone) = find(route53, consumer, host, &document.connection_id).await? else {
        return create_zone(route53, document, host, attempt).await.map(Look::Pending);
    };
    if !zone.ours {
        return Err(not_ours(consumer, host, &zone.id));
    }
    if alias(route53, &zone.id, host)
        .await?
        .is_some_and(|record| points_to(&record, target))
    {
        return Ok(Look::Ready(zone.id));
    }
    change(route53, &zone.id, ChangeAction::Upsert, record(host, target)?).await?;
    Ok(
        Pending::new("record written", format!("waiting to see the alias record of {host}."))
            .wait(AFTER_WRITE_SECONDS)
            .into(),
    )
}

/// Removes the zone that this very run made, and our record in it; absence is done. A sentence when it is left on purpose.
///
/// # Errors
/// As Route 53 answers.
pub async fn remove(route53: &Client, document: &Document, host: &str) -> Result<Option<String>> {
    let Document {
        request,
        connection_id,
        execution,
        ..
    } = document;
    let Some(zone) = find(route53, &request.consumer, host, connection_id).await? else {
        return Ok(None);
    };
    if zone.reference != connection_id.zone_reference(&execution.id) {
        return Ok(None);
    }
    if let Some(record) = alias(route53, &zone.id, host).await? {
        change(route53, &zone.id, ChangeAction::Delete, record).await?;
    }
    match route53.delete_hosted_zone().id(&zone.id).send().await {
        Ok(_) => Ok(None),
        Err(error) => match aws::code(&error) {
            Some("NoSuchHostedZone") => Ok(None),
            Some("HostedZoneNotEmpty") => Ok(Some(format!(
                "the private hosted zone {} ({host}) is kept, as somebody put other records into it",
                zone.id
            ))),
            _ => Err(aws::error(
                &error,
                &format!("deleting the private hosted zone {}", zone.id),
            )),
        },
    }
}

/// Refused before anything is changed, and again when it appears later.
pub fn not_ours(consumer: &Consumer, host: &str, zone_id: &str) -> Error {
    Error::invalid_at(
        "/consumer/vpc_id",
        format!(
            "{} has the private hosted zone {zone_id} for {host}, which this workflow did not make and does not touch. Remove the zone, or \
             its association with the VPC, and start again.",
            consumer.vpc_id
        ),
    )
}

async fn create_zone(route53: &Client, document: &Document, host: &str, attempt: u32) -> Result<Pending> {
    let consumer = &document.request.consumer;
    let vpc = Vpc::builder()
        .vpc_id(&consumer.vpc_id)
        .vpc_region(VpcRegion::from(consumer.region.as_str()))
        .build();
    let comment = format!("{} made by privatelink-workflow", document.connection_id);
    let answer = route53
        .create_hosted_zone()
        .name(host)
        .vpc(vpc)
        .caller_reference(document.connection_id.zone_reference(&document.execution.id))
        .hosted_zone_config(HostedZoneConfig::builder().comment(comment).private_zone(true).build())
        .send()
        .await;
    match answer {
        Ok(_) => Ok(Pending::new(
            "zone created",
            format!("waiting to see the private hosted zone of {host}."),
        )
        .wait(AFTER_WRITE_SECONDS)),
        Err(error) => match aws::code(&error) {
            // A create of ours whose answer was lost, or a parallel run's: the list shows it soon.
            Some("HostedZoneAlreadyExists" | "ConflictingDomainExists") if attempt <= LOOKS_UNTIL_LISTED => {
                Ok(Pending::new(
                    "zone exists, unlisted",
                    format!("waiting to see the private hosted zone of {host} that Route 53 says exists."),
                ))
            }
            _ => Err(aws::error(&error, &format!("creating the private hosted zone {host}"))),
        },
    }
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
