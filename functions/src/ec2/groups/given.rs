//! The security groups that a request names: they must exist, fit, and let the clients in. They are never changed.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::SecurityGroup;
use shared::plan::Check;
use shared::request::Consumer;
use shared::{ErrorName, Result, aws};

use super::super::filter;
use super::super::vpc::Vpc;

/// The groups of the request, as far as they exist and fit.
#[derive(Debug, Default)]
pub struct Given(Vec<SecurityGroup>);

/// Reads them, if the request names any.
///
/// # Errors
/// As EC2 answers. What does not exist or fit is no error but a failed check.
pub async fn read(ec2: &Client, consumer: &Consumer, vpc: &Vpc) -> Result<(Given, Vec<Check>)> {
    if consumer.security_group_ids.is_empty() {
        return Ok((Given::default(), Vec::new()));
    }
    let answer = ec2
        .describe_security_groups()
        .filters(filter("group-id", &consumer.security_group_ids))
        .send()
        .await
        .map_err(|e| aws::error(&e, "describing the security groups"))?;
    let (mut given, mut checks) = (Vec::new(), Vec::new());
    for (position, id) in consumer.security_group_ids.iter().enumerate() {
        let path = format!("/consumer/security_group_ids/{position}");
        match answer.security_groups().iter().find(|g| g.group_id() == Some(id)) {
            None => checks.push(Check::failed(
                ErrorName::InvalidRequest,
                &path,
                format!(
                    "there is no security group {id} in account {}, region {}.",
                    consumer.account_id, consumer.region
                ),
            )),
            Some(group) if group.vpc_id() != Some(&vpc.id) => checks.push(Check::failed(
                ErrorName::InvalidRequest,
                &path,
                format!("{id} is in {}, not in {}.", group.vpc_id().unwrap_or("no VPC"), vpc.id),
            )),
            Some(group) => given.push(group.clone()),
        }
    }
    Ok((Given(given), checks))
}

impl Given {
    /// Whether the groups let in these port ranges (inclusive). None where there is no group to check.
    pub fn check_ports(&self, ports: &[(u16, u16)]) -> Vec<Check> {
        // Groups that do not exist or do not fit are reported already.
        if self.0.is_empty() {
            return Vec::new();
        }
        let mut open: Vec<(i32, i32)> = self
            .0
            .iter()
            .flat_map(SecurityGroup::ip_permissions)
            .filter_map(|rule| match rule.ip_protocol() {
                Some("-1") => Some((0, 65_535)),
                Some("tcp" | "6") => Some((rule.from_port()?, rule.to_port()?)),
                _ => None,
            })
            .collect();
        open.sort_unstable();
        let checks = ports.iter().map(|&(from, to)| {
            let ports = super::rules::ports(from, to);
            match first_closed(&open, i32::from(from), i32::from(to)) {
                None => Check::passed(format!("the security groups let in TCP {ports}.")),
                Some(closed) => Check::failed(
                    ErrorName::InvalidRequest,
                    "/consumer/security_group_ids",
                    format!(
                        "no ingress rule lets in TCP {ports}, which the connection uses (closed at {closed}). Add a rule for your clients, or \
                         name no group, and the workflow makes one."
                    ),
                ),
            }
        });
        checks.collect()
    }
}

/// The first port of the range that no interval covers. `open` is sorted.
fn first_closed(open: &[(i32, i32)], from: i32, to: i32) -> Option<i32> {
    let mut next = from;
    for &(low, high) in open {
        if low > next {
            break;
        }
        next = next.max(high.saturating_add(1));
    }
    (next <= to).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::first_closed;

    #[test]
    fn a_range_may_be_let_in_by_several_rules() {
        assert_eq!(
            first_closed(&[(10_000, 20_000), (20_001, 31_000)], 10_000, 31_000),
            None
        );
    }

    #[test]
    fn the_first_closed_port_is_named() {
        assert_eq!(
            first_closed(&[(443, 443), (10_000, 20_000), (20_002, 31_000)], 10_000, 31_000),
            Some(20_001)
        );
        assert_eq!(first_closed(&[], 8200, 8200), Some(8200));
        assert_eq!(first_closed(&[(0, 8199)], 8200, 8200), Some(8200));
    }

    #[test]
    fn everything_open_is_open() {
        assert_eq!(first_closed(&[(0, 65_535)], 8200, 8200), None);
    }
}
