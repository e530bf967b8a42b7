//! What calls of EC2 need. Dependent actions, which EC2 checks in the caller's name, are asked for with the call.

use std::collections::BTreeMap;

use axum::body::Bytes;
use http::request::Parts;

use super::asked::{Asked, Place, asked, plain};
use super::policy::Context;
use crate::ec2::{Ec2, Form};

/// "This permission-only action" of AWS PrivateLink: without it an endpoint whose service is in another region cannot be managed.
const MULTI_REGION: &str = "vpce:AllowMultiRegion";

pub(super) fn of_call(
    operation: &str,
    place: Place<'_>,
    parts: &Parts,
    body: &Bytes,
    ec2: &Ec2,
) -> Result<Vec<Asked>, String> {
    let form = Form::parse(parts.uri.query().unwrap_or_default(), body);
    let call = Call { place, form, ec2 };
    let action = format!("ec2:{operation}");
    Ok(match operation {
        "DescribeVpcAttribute" => vec![asked(action, call.arn("vpc", &call.one("VpcId")), Context::new())],
        _ if operation.starts_with("Describe") => vec![plain(action)],
        "CreateVpcEndpoint" => call.create_endpoint(),
        "CreateSecurityGroup" => {
            let tags = call.tag_specification();
            let mut all = vec![
                asked(&action, call.arn("security-group", "*"), in_request(&tags)),
                asked(&action, call.arn("vpc", &call.one("VpcId")), Context::new()),
            ];
            all.extend(call.tagged_at_creation(operation, "security-group", &tags));
            all
        }
        "CreateTags" | "DeleteTags" => {
            let mut keys = in_request(&call.tags("Tag"));
            if operation == "DeleteTags" {
                // Values are not asked about here; which keys go is what the policy is about.
                keys.retain(|key, _| key == "aws:TagKeys");
            }
            call.on_own(&action, &call.form.list("ResourceId"), &keys)
        }
        "AuthorizeSecurityGroupIngress" | "RevokeSecurityGroupIngress" | "DeleteSecurityGroup" => {
            call.on_own(&action, &[call.one("GroupId")], &Context::new())
        }
        "DeleteVpcEndpoints" => {
            let ids = call.form.list("VpcEndpointId");
            let mut all = call.on_own(&action, &ids, &Context::new());
            all.extend(call.multi_region(&ids));
            all
        }
        "ModifyVpcEndpoint" => {
            let ids = [call.one("VpcEndpointId")];
            let mut all = call.on_own(&action, &ids, &Context::new());
            for (kind, names) in [
                ("subnet", ["AddSubnetId", "RemoveSubnetId"]),
                ("security-group", ["AddSecurityGroupId", "RemoveSecurityGroupId"]),
            ] {
                let given = names.iter().flat_map(|name| call.form.list(name));
                all.extend(given.map(|id| asked(&action, call.arn(kind, &id), call.tags_on(&id))));
            }
            all.extend(call.multi_region(&ids));
            all
        }
        _ => return Err(format!("{action} is not known here")),
    })
}

struct Call<'a> {
    place: Place<'a>,
    form: Form,
    ec2: &'a Ec2,
}

impl Call<'_> {
    fn arn(&self, kind: &str, id: &str) -> String {
        self.place.arn("ec2", &format!("{kind}/{id}"))
    }

    fn one(&self, name: &str) -> String {
        self.form.get(name).unwrap_or_default().to_owned()
    }

    fn tags(&self, prefix: &str) -> BTreeMap<String, String> {
        let indexes = self.form.indexes(prefix).into_iter();
        indexes
            .map(|n| {
                (
                    self.one(&format!("{prefix}.{n}.Key")),
                    self.one(&format!("{prefix}.{n}.Value")),
                )
            })
            .collect()
    }

    fn tag_specification(&self) -> BTreeMap<String, String> {
        let specifications = self.form.indexes("TagSpecification").into_iter();
        specifications
            .flat_map(|n| self.tags(&format!("TagSpecification.{n}.Tag")))
            .collect()
    }

    /// The tags that a resource has, as condition keys.
    fn tags_on(&self, id: &str) -> Context {
        let tags = self.ec2.tags_of(self.place.account, id).unwrap_or_default();
        tags.into_iter()
            .map(|(key, value)| (format!("aws:ResourceTag/{key}"), vec![value]))
            .collect()
    }

    /// The action on each resource that there is: of one that is missing EC2 says so, whoever asks.
    fn on_own(&self, action: &str, ids: &[String], keys: &Context) -> Vec<Asked> {
        let there = ids
            .iter()
            .filter(|id| self.ec2.tags_of(self.place.account, id).is_some());
        there
            .map(|id| {
                let mut context = self.tags_on(id);
                context.extend(keys.clone());
                asked(action, self.arn(kind_of(id), id), context)
            })
            .collect()
    }

    fn create_endpoint(&self) -> Vec<Asked> {
        const CREATE: &str = "ec2:CreateVpcEndpoint";
        let tags = self.tag_specification();
        let endpoint = self.arn("vpc-endpoint", "*");
        let mut context = in_request(&tags);
        context.insert("ec2:VpceServiceName".to_owned(), vec![self.one("ServiceName")]);
        let mut all = vec![
            asked(CREATE, &endpoint, context),
            asked(CREATE, self.arn("vpc", &self.one("VpcId")), Context::new()),
        ];
        for (kind, name) in [("subnet", "SubnetId"), ("security-group", "SecurityGroupId")] {
            let given = self.form.list(name).into_iter();
            all.extend(given.map(|id| asked(CREATE, self.arn(kind, &id), self.tags_on(&id))));
        }
        all.extend(self.tagged_at_creation("CreateVpcEndpoint", "vpc-endpoint", &tags));
        all.extend(
            ["DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs"].map(|name| plain(format!("ec2:{name}"))),
        );
        if self
            .form
            .get("ServiceRegion")
            .is_some_and(|region| region != self.place.region)
        {
            all.push(asked(MULTI_REGION, endpoint, Context::new()));
        }
        all
    }

    /// "If tags are specified in the resource-creating action, authorization is performed on ec2:CreateTags".
    fn tagged_at_creation(&self, creating: &str, kind: &str, tags: &BTreeMap<String, String>) -> Option<Asked> {
        let mut context = in_request(tags);
        context.insert("ec2:CreateAction".to_owned(), vec![creating.to_owned()]);
        (!tags.is_empty()).then(|| asked("ec2:CreateTags", self.arn(kind, "*"), context))
    }

    /// Of the endpoints whose service is in another region.
    fn multi_region(&self, ids: &[String]) -> Vec<Asked> {
        let elsewhere = ids.iter().filter(|id| {
            let service = self.ec2.service_name_of(id);
            service.is_some_and(|name| !name.starts_with(&format!("com.amazonaws.vpce.{}.", self.place.region)))
        });
        elsewhere
            .map(|id| asked(MULTI_REGION, self.arn("vpc-endpoint", id), Context::new()))
            .collect()
    }
}

fn in_request(tags: &BTreeMap<String, String>) -> Context {
    let values = tags
        .iter()
        .map(|(key, value)| (format!("aws:RequestTag/{key}"), vec![value.clone()]));
    let mut context: Context = values.collect();
    context.insert("aws:TagKeys".to_owned(), tags.keys().cloned().collect());
    context
}

fn kind_of(id: &str) -> &'static str {
    match id.split('-').next() {
        Some("vpce") => "vpc-endpoint",
        Some("sg") => "security-group",
        Some("subnet") => "subnet",
        _ => "vpc",
    }
}
