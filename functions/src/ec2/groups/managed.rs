//! The security group that the workflow makes for an endpoint when the request names none.
//!
//! Its ingress rules are kept exact. Egress is left as EC2 makes it: an endpoint's interface opens no connection.

use std::collections::BTreeSet;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{ResourceType, SecurityGroup, TagSpecification};
use shared::identity::{ConnectionId, TAG_CONNECTION, TAG_EXECUTION};
use shared::{Error, Result, aws};

use super::super::tagging::{Tags, read_tags};
use super::super::{filter, tags as to_sdk};
use super::rules::{self, Rule};

/// A group of the workflow's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub id: String,
    pub rules: BTreeSet<Rule>,
    pub tags: Tags,
}

impl Group {
    fn from_sdk(group: &SecurityGroup) -> Option<Self> {
        Some(Self {
            id: group.group_id()?.to_owned(),
            rules: rules::listed(group.ip_permissions()),
            tags: read_tags(group.tags()),
        })
    }

    /// The execution that made it.
    pub fn execution(&self) -> Option<&str> {
        self.tags.get(TAG_EXECUTION).map(String::as_str)
    }
}

/// The connection's groups, in whatever VPC: one, or more where two runs made one at the same time.
///
/// # Errors
/// As EC2 answers.
pub async fn find(ec2: &Client, connection: &ConnectionId) -> Result<Vec<Group>> {
    let found = ec2
        .describe_security_groups()
        .filters(filter(&format!("tag:{TAG_CONNECTION}"), [connection.to_string()]))
        .into_paginator()
        .items()
        .send()
        .collect::<std::result::Result<Vec<_>, _>>()
        .await
        .map_err(|e| aws::error(&e, "looking for the connection's security group"))?;
    let mut groups: Vec<Group> = found.iter().filter_map(Group::from_sdk).collect();
    groups.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(groups)
}

/// Makes the group without rules; none while one of its name exists that no list shows yet.
///
/// # Errors
/// As EC2 answers.
pub async fn create(ec2: &Client, connection: &ConnectionId, vpc_id: &str, tags: &Tags) -> Result<Option<Group>> {
    let tagged = TagSpecification::builder()
        .resource_type(ResourceType::SecurityGroup)
        .set_tags(Some(to_sdk(tags)))
        .build();
    let answer = ec2
        .create_security_group()
        .group_name(connection.group_name())
        .description(format!("Clients of the PrivateLink connection {connection}"))
        .vpc_id(vpc_id)
        .tag_specifications(tagged)
        .send()
        .await;
    match answer {
        Ok(answer) => {
            let id = answer.group_id().ok_or_else(|| {
                Error::unexpected("EC2 answered CreateSecurityGroup without an id; no documented answer does that.")
            })?;
            Ok(Some(Group {
                id: id.to_owned(),
                rules: BTreeSet::new(),
                tags: tags.clone(),
            }))
        }
        Err(error) if aws::code(&error) == Some("InvalidGroup.Duplicate") => Ok(None),
        Err(error) => Err(aws::error(&error, "creating the connection's security group")),
    }
}

/// Lets in; false while EC2 does not know a group that was just made.
///
/// # Errors
/// As EC2 answers; a rule that is there already is none.
pub async fn authorize(ec2: &Client, id: &str, rules: &BTreeSet<Rule>) -> Result<bool> {
    let answer = ec2
        .authorize_security_group_ingress()
        .group_id(id)
        .set_ip_permissions(Some(rules::permissions(rules)))
        .send()
        .await;
    match answer {
        Ok(_) => Ok(true),
        // A first try whose answer was lost: the next look tells.
        Err(error) if aws::code(&error) == Some("InvalidPermission.Duplicate") => Ok(true),
        Err(error) if aws::code(&error) == Some("InvalidGroup.NotFound") => Ok(false),
        Err(error) => Err(aws::error(&error, &format!("adding rules to the security group {id}"))),
    }
}

/// Lets in no more.
///
/// # Errors
/// As EC2 answers; a rule that is gone already is none.
pub async fn revoke(ec2: &Client, id: &str, rules: &BTreeSet<Rule>) -> Result<()> {
    let answer = ec2
        .revoke_security_group_ingress()
        .group_id(id)
        .set_ip_permissions(Some(rules::permissions(rules)))
        .send()
        .await;
    match answer {
        Ok(_) => Ok(()),
        Err(error) if aws::code(&error) == Some("InvalidPermission.NotFound") => Ok(()),
        Err(error) => Err(aws::error(
            &error,
            &format!("removing rules from the security group {id}"),
        )),
    }
}

/// What came of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    Gone,
    /// Interfaces or other groups still use it.
    InUse,
}

/// Deletes the group.
///
/// # Errors
/// As EC2 answers; one that is not there is deleted.
pub async fn delete(ec2: &Client, id: &str) -> Result<Deleted> {
    match ec2.delete_security_group().group_id(id).send().await {
        Ok(_) => Ok(Deleted::Gone),
        Err(error) => match aws::code(&error) {
            Some("InvalidGroup.NotFound") => Ok(Deleted::Gone),
            Some("DependencyViolation") => Ok(Deleted::InUse),
            _ => Err(aws::error(&error, &format!("deleting the security group {id}"))),
        },
    }
}
