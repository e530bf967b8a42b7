//! Making the host resolve.

use aws_sdk_route53::Client;
use aws_sdk_route53::types::{ChangeAction, HostedZoneConfig, Vpc, VpcRegion};
use shared::document::DnsEntry;
use shared::identity::ConnectionId;
use shared::progress::{Look, Pending};
use shared::request::Request;
use shared::{Error, Result, aws};

use super::{change, find, is_pointed_at, record};

/// After a write, to see it.
const AFTER_WRITE_SECONDS: u32 = 5;
/// Looks for which a zone that must exist may stay unlisted.
const LOOKS_UNTIL_LISTED: u32 = 8;

/// Whose zone it is, and where.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub request: &'a Request,
    pub connection: &'a ConnectionId,
    pub vpc_id: &'a str,
    /// The execution's ARN.
    pub execution_id: &'a str,
}

/// Makes the host resolve to the endpoint in the VPC; ready with the zone's id.
///
/// # Errors
/// `InvalidRequest` when the VPC has a zone of that name that is not ours.
pub async fn ensure(
    route53: &Client,
    place: &Place<'_>,
    host: &str,
    target: &DnsEntry,
    attempt: u32,
) -> Result<Look<String>> {
    let consumer = &place.request.consumer;
    let Some(zone) = find(route53, &consumer.region, place.vpc_id, host).await? else {
        return create_zone(route53, place, host, attempt).await.map(Look::Pending);
    };
    if !zone.is_of(place.connection) {
        return Err(Error::invalid_at(
            crate::ec2::vpc::path(consumer),
            not_ours(place.vpc_id, host, &zone.id),
        ));
    }
    if is_pointed_at(route53, &zone, target).await? {
        return Ok(Look::Ready(zone.id));
    }
    change(route53, &zone.id, ChangeAction::Upsert, record(host, target)?).await?;
    Ok(
        Pending::new("record written", format!("waiting to see the alias record of {host}."))
            .wait(AFTER_WRITE_SECONDS)
            .into(),
    )
}

/// Refused before anything is changed, and again when it appears later.
pub fn not_ours(vpc_id: &str, host: &str, zone_id: &str) -> String {
    format!(
        "{vpc_id} has the private hosted zone {zone_id} for {host}, which this workflow did not make and does not touch. Remove the zone, or \
         its association with the VPC, and start again."
    )
}

async fn create_zone(route53: &Client, place: &Place<'_>, host: &str, attempt: u32) -> Result<Pending> {
    let Place {
        request,
        connection,
        vpc_id,
        execution_id,
    } = place;
    let vpc = Vpc::builder()
        .vpc_id(*vpc_id)
        .vpc_region(VpcRegion::from(request.consumer.region.as_str()))
        .build();
    let comment = format!("{connection} made by privatelink-workflow");
    let answer = route53
        .create_hosted_zone()
        .name(host)
        .vpc(vpc)
        .caller_reference(connection.zone_reference(request, execution_id))
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
