//! The vendor's endpoint service, as the consumer's account sees it.

use aws_sdk_ec2::Client;
use shared::document::ServiceOffer;
use shared::{Error, ErrorName, Result, aws};

use super::network::Subnet;

/// Zone ids in which the service can be reached; `None` while EC2 does not know the service for this account. Empty for a
/// service in another region, where EC2 lists none.
///
/// # Errors
/// As EC2 answers.
pub async fn zone_ids(ec2: &Client, service: &ServiceOffer, region: &str) -> Result<Option<Vec<String>>> {
    let other_region = (service.service_region != region).then(|| vec![service.service_region.clone()]);
    let answer = ec2
        .describe_vpc_endpoint_services()
        .service_names(&service.service_name)
        .set_service_regions(other_region)
        .send()
        .await;
    match answer {
        Ok(answer) => Ok(answer
            .service_details()
            .first()
            .map(|detail| detail.availability_zone_ids().to_vec())),
        // "does not exist" also where the caller is no allowed principal, and for a while after it became one.
        Err(error) if aws::code(&error) == Some("InvalidServiceName") => Ok(None),
        Err(error) => Err(aws::error(
            &error,
            &format!("describing the endpoint service {}", service.service_name),
        )),
    }
}

/// Subnets must lie in zones that the service offers. Zone *names* mean different zones in different accounts; ids do not.
///
/// # Errors
/// `InvalidRequest` naming every subnet that does not fit, and the zones that would.
pub fn check_zones(subnets: &[Subnet], offered: &[String]) -> Result<()> {
    let wrong = subnets_outside(subnets, offered);
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Error::new(ErrorName::InvalidRequest, wrong.join("\n")))
    }
}

/// The same as violations with paths.
pub fn subnets_outside(subnets: &[Subnet], offered: &[String]) -> Vec<String> {
    if offered.is_empty() {
        return Vec::new();
    }
    subnets
        .iter()
        .filter(|subnet| !offered.contains(&subnet.zone_id))
        .map(|subnet| {
            format!(
                "/consumer/subnet_ids/{}: {} is in zone {} ({}), which the vendor's endpoint service does not offer; it offers {}. \
                 Choose a subnet in one of those.",
                subnet.position,
                subnet.id,
                subnet.zone_id,
                subnet.zone_name,
                offered.join(", ")
            )
        })
        .collect()
}
