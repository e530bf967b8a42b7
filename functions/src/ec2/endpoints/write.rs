//! Making, changing and deleting interface endpoints.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{ResourceType, TagSpecification, VpcEndpointType};
use shared::document::ServiceOffer;
use shared::{Error, Result, aws};

use super::Endpoint;
use crate::ec2::tagging::Tags;
use crate::ec2::tags;

/// What came of a create.
#[derive(Debug)]
pub enum Created {
    /// The endpoint, new or the one that the token made before.
    Made(Box<Endpoint>),
    /// EC2 does not know the service yet, or not for this account.
    ServiceUnknown(String),
    /// A service of another region is reached from these zones only, by their ids.
    OtherZones(Vec<String>),
    /// The token was used with other parameters.
    TokenTaken,
    /// Another operation on the same thing is under way, or a group that was just made is not visible yet.
    Busy(String),
}

/// What an endpoint is made of.
#[derive(Debug)]
pub struct New<'a> {
    pub vpc_id: &'a str,
    /// The consumer's region.
    pub region: &'a str,
    pub service: &'a ServiceOffer,
    pub subnet_ids: Vec<String>,
    pub security_group_ids: Vec<String>,
    pub tags: &'a Tags,
    pub client_token: String,
}

/// Creates an endpoint.
///
/// # Errors
/// As EC2 answers.
pub async fn create(ec2: &Client, new: New<'_>) -> Result<Created> {
    let tagged = TagSpecification::builder()
        .resource_type(ResourceType::VpcEndpoint)
        .set_tags(Some(tags(new.tags)))
        .build();
    let service = new.service;
    let answer = ec2
        .create_vpc_endpoint()
        // The default would be a gateway endpoint.
        .vpc_endpoint_type(VpcEndpointType::Interface)
        .vpc_id(new.vpc_id)
        .service_name(&service.service_name)
        .set_service_region((service.service_region != new.region).then(|| service.service_region.clone()))
        .set_subnet_ids(Some(new.subnet_ids))
        .set_security_group_ids(Some(new.security_group_ids))
        // Neither vendor's endpoint service has a private DNS name; asking for it is refused.
        .private_dns_enabled(false)
        .client_token(new.client_token)
        .tag_specifications(tagged)
        .send()
        .await;
    let error = match answer {
        Ok(answer) => {
            let endpoint = answer.vpc_endpoint().ok_or_else(|| {
                Error::unexpected("EC2 answered CreateVpcEndpoint without an endpoint; no documented answer does that.")
            })?;
            return Ok(Created::Made(Box::new(Endpoint::from_sdk(endpoint)?)));
        }
        Err(error) => error,
    };
    let named = aws::error(&error, "creating the endpoint");
    Ok(match aws::code(&error) {
        Some("InvalidServiceName") => Created::ServiceUnknown(named.message),
        Some("IdempotentParameterMismatch") => Created::TokenTaken,
        Some("InvalidParameter") if named.message.contains(IDEMPOTENT) => Created::Busy(named.message),
        Some("InvalidParameter") if named.message.contains(REMOTE_ZONES) => {
            Created::OtherZones(zone_ids_in(&named.message))
        }
        // The request's own groups were there at preflight; the workflow's may be seconds old.
        Some("InvalidGroup.NotFound") => Created::Busy(named.message),
        _ => return Err(named),
    })
}

const IDEMPOTENT: &str = "idempotent operation going on";
/// As in chanzuckerberg/cztack#865.
const REMOTE_ZONES: &str = "availability zones are supported for remote access";

/// The zone ids (`use1-az1`) in a message.
fn zone_ids_in(message: &str) -> Vec<String> {
    let words = message.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let is_zone_id = |word: &&str| {
        word.rsplit_once("-az").is_some_and(|(region, number)| {
            !region.is_empty() && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
        })
    };
    words.filter(is_zone_id).map(str::to_owned).collect()
}

/// A change of an endpoint in place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modification {
    pub add_subnet_ids: Vec<String>,
    pub remove_subnet_ids: Vec<String>,
    pub add_security_group_ids: Vec<String>,
    pub remove_security_group_ids: Vec<String>,
    pub private_dns_off: bool,
}

impl Modification {
    /// Nothing to change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Changes an endpoint in place; false while it cannot be changed, or where what was seen has changed meanwhile: look again.
///
/// # Errors
/// As EC2 answers.
pub async fn modify(ec2: &Client, id: &str, change: &Modification) -> Result<bool> {
    let list = |ids: &[String]| (!ids.is_empty()).then(|| ids.to_vec());
    let answer = ec2
        .modify_vpc_endpoint()
        .vpc_endpoint_id(id)
        .set_add_subnet_ids(list(&change.add_subnet_ids))
        .set_remove_subnet_ids(list(&change.remove_subnet_ids))
        .set_add_security_group_ids(list(&change.add_security_group_ids))
        .set_remove_security_group_ids(list(&change.remove_security_group_ids))
        .set_private_dns_enabled(change.private_dns_off.then_some(false))
        .send()
        .await;
    let Err(error) = answer else {
        return Ok(true);
    };
    let named = aws::error(&error, &format!("changing the endpoint {id}"));
    match aws::code(&error) {
        Some("InvalidParameter") if named.message.contains(IDEMPOTENT) => Ok(false),
        // A describe that lags behind an earlier change shows a subnet as missing that is there.
        Some("DuplicateSubnetsInSameZone" | "InvalidVpcEndpointId.NotFound" | "InvalidGroup.NotFound") => Ok(false),
        _ => Err(named),
    }
}

/// Asks for an endpoint's deletion; one that is not there is deleted.
///
/// # Errors
/// As EC2 answers, also inside its HTTP 200.
pub async fn delete(ec2: &Client, id: &str) -> Result<()> {
    let doing = format!("deleting the endpoint {id}");
    let answer = match ec2.delete_vpc_endpoints().vpc_endpoint_ids(id).send().await {
        Ok(answer) => answer,
        Err(error) if aws::code(&error).is_some_and(is_absent) => return Ok(()),
        Err(error) => return Err(aws::error(&error, &doing)),
    };
    for refused in answer.unsuccessful() {
        let code = refused.error().and_then(|e| e.code()).unwrap_or("no code");
        let message = refused.error().and_then(|e| e.message()).unwrap_or("no message");
        if !is_absent(code) {
            return Err(aws::error_in_answer(code, message, &doing));
        }
    }
    Ok(())
}

fn is_absent(code: &str) -> bool {
    matches!(code, "InvalidVpcEndpoint.NotFound" | "InvalidVpcEndpointId.NotFound")
}

#[cfg(test)]
mod tests {
    use super::zone_ids_in;

    #[test]
    fn zones_are_read_out_of_ec2s_own_words() {
        let message = "creating the endpoint: InvalidParameter: Only the following availability zones are supported for remote access: \
                       use1-az1, usgw1-az2. It failed in eu-west-1a, request id 1-azx.";
        assert_eq!(zone_ids_in(message), ["use1-az1", "usgw1-az2"]);
    }
}
