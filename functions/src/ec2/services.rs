//! The vendor's endpoint service, as the consumer's account sees it.

use aws_sdk_ec2::Client;
use shared::{Result, aws};

/// Zone ids in which the service can be reached; `None` while EC2 does not know the service for this account. Empty for a
/// service in another region, where EC2 lists none.
///
/// # Errors
/// As EC2 answers.
pub async fn zone_ids(
    ec2: &Client,
    service_name: &str,
    service_region: &str,
    region: &str,
) -> Result<Option<Vec<String>>> {
    let other_region = (service_region != region).then(|| vec![service_region.to_owned()]);
    let answer = ec2
        .describe_vpc_endpoint_services()
        .service_names(service_name)
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
            &format!("describing the endpoint service {service_name}"),
        )),
    }
}
