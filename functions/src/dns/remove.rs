//! Taking the name away, as far as it is ours.

use std::collections::BTreeSet;

use aws_sdk_ec2::Client as Ec2;
use aws_sdk_route53::Client;
use aws_sdk_route53::types::{ChangeAction, ResourceRecordSet, RrType};
use shared::document::DnsEntry;
use shared::identity::ConnectionId;
use shared::{Result, aws};

use super::{Zone, change, points_to, record, same_name};
use crate::ec2::endpoints::{self, State};

/// What is to happen to a zone.
#[derive(Debug)]
pub struct Fate {
    /// Our record in it, to delete.
    pub record: Option<ResourceRecordSet>,
    pub delete_zone: bool,
    /// Why something of it stays, as a sentence.
    pub left: Option<String>,
}

/// Decides about a zone of ours: its record goes if it still points to an endpoint of the connection or to none that exists, and the
/// zone goes if it holds no other record.
///
/// # Errors
/// As Route 53 and EC2 answer.
pub async fn fate(route53: &Client, ec2: &Ec2, zone: &Zone, connection: &ConnectionId) -> Result<Fate> {
    let pages = route53
        .list_resource_record_sets()
        .hosted_zone_id(&zone.id)
        .send()
        .await;
    let records = match pages {
        Ok(answer) => answer.resource_record_sets,
        Err(error) if aws::code(&error) == Some("NoSuchHostedZone") => {
            return Ok(Fate {
                record: None,
                delete_zone: false,
                left: None,
            });
        }
        Err(error) => {
            return Err(aws::error(
                &error,
                &format!("listing the records of the private hosted zone {}", zone.id),
            ));
        }
    };
    let is_ours = |r: &ResourceRecordSet| {
        same_name(r.name(), &zone.name) && *r.r#type() == RrType::A && r.alias_target().is_some()
    };
    // A zone's own two records cannot be deleted.
    let of_zone =
        |r: &ResourceRecordSet| same_name(r.name(), &zone.name) && matches!(r.r#type(), RrType::Ns | RrType::Soa);
    let others: BTreeSet<&str> = records
        .iter()
        .filter(|r| !is_ours(r) && !of_zone(r))
        .map(ResourceRecordSet::name)
        .collect();
    let record = records.iter().find(|r| is_ours(r));
    if let Some(target) = record.and_then(|r| r.alias_target())
        && let Some(stranger) = stranger(ec2, target.dns_name(), connection).await?
    {
        return Ok(Fate {
            record: None,
            delete_zone: false,
            left: Some(format!(
                "the private hosted zone {} ({}) is kept, as it points to {stranger}, which is not the connection's; delete it when nobody \
                 needs it",
                zone.id, zone.name
            )),
        });
    }
    let left = (!others.is_empty()).then(|| {
        format!(
            "the private hosted zone {} ({}) is kept, as somebody put other records into it ({})",
            zone.id,
            zone.name,
            others.into_iter().collect::<Vec<_>>().join(", ")
        )
    });
    Ok(Fate {
        record: record.cloned(),
        delete_zone: left.is_none(),
        left,
    })
}

/// The target of a record, if it exists and is not the connection's.
async fn stranger(ec2: &Ec2, dns_name: &str, connection: &ConnectionId) -> Result<Option<String>> {
    let Some(id) = endpoint_id(dns_name) else {
        return Ok(Some(dns_name.to_owned()));
    };
    let found = endpoints::get(ec2, &id).await?;
    let strange = found.is_some_and(|e| e.state != State::Deleted && !e.is_of(connection));
    Ok(strange.then_some(id))
}

/// The endpoint in `vpce-0123456789abcdef0-a1b2c3d4.vpce-svc-….vpce.amazonaws.com`.
fn endpoint_id(dns_name: &str) -> Option<String> {
    let id = dns_name.strip_prefix("vpce-")?.split(['-', '.']).next()?;
    let is_hex = !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit());
    (is_hex && dns_name.contains(".vpce-svc-")).then(|| format!("vpce-{id}"))
}

/// Carries it out; absence is done. A sentence when somebody was quicker and put something into the zone.
///
/// # Errors
/// As Route 53 answers.
pub async fn carry_out(route53: &Client, zone: &Zone, fate: Fate) -> Result<Option<String>> {
    if let Some(record) = fate.record {
        change(route53, &zone.id, ChangeAction::Delete, record).await?;
    }
    if !fate.delete_zone {
        return Ok(fate.left);
    }
    match route53.delete_hosted_zone().id(&zone.id).send().await {
        Ok(_) => Ok(None),
        Err(error) => match aws::code(&error) {
            Some("NoSuchHostedZone") => Ok(None),
            Some("HostedZoneNotEmpty") => Ok(Some(format!(
                "the private hosted zone {} ({}) is kept, as somebody put other records into it",
                zone.id, zone.name
            ))),
            _ => Err(aws::error(
                &error,
                &format!("deleting the private hosted zone {}", zone.id),
            )),
        },
    }
}

/// Lets the zone's name answer with this target again, after a run that had moved it failed.
///
/// # Errors
/// As Route 53 answers.
pub async fn point_at(route53: &Client, zone: &Zone, target: &DnsEntry) -> Result<()> {
    let present = super::alias(route53, &zone.id, &zone.name).await?;
    if present.is_some_and(|record| points_to(&record, target)) {
        return Ok(());
    }
    change(route53, &zone.id, ChangeAction::Upsert, record(&zone.name, target)?).await
}

#[cfg(test)]
mod tests {
    use super::endpoint_id;

    #[test]
    fn the_endpoint_is_in_its_dns_name() {
        assert_eq!(
            endpoint_id("vpce-0a1b2c3d4e5f60718-12345678.vpce-svc-0123.eu-west-1.vpce.amazonaws.com.").as_deref(),
            Some("vpce-0a1b2c3d4e5f60718")
        );
        for other in [
            "lb.example.com",
            "vpce-xyz-1.vpce-svc-1.vpce.amazonaws.com",
            "vpce-0a1b.example.com",
        ] {
            assert_eq!(endpoint_id(other), None, "{other}");
        }
    }
}
