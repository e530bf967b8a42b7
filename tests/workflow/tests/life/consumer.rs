//! What can be in the consumer's account.

use serde_json::json;
use simulators::ec2::Rule;
use simulators::fabric::EndpointState;

use crate::case::{Case, Step};
use crate::scene::{ACCOUNT, Scene, Vendor};

const NEW: Case = Case::new(Vendor::Aiven, "the consumer has nothing");
/// What another endpoint of the account keeps at the vendor.
const ACCOUNTS_OTHER: &[&str] = &["principal arn:aws:iam::111122223333:root", "service"];
const MADE_AGAIN: &[&str] = &["CreateVpcEndpoint", "DeleteVpcEndpoints"];

const fn case(name: &'static str) -> Case {
    Case { name, ..NEW }
}

/// The request that lets the workflow make the security group.
fn own_group(_: &Scene<'_>, request: &mut serde_json::Value) {
    request["consumer"]
        .as_object_mut()
        .unwrap()
        .remove("security_group_ids");
}

/// Changes the rules of the group that the workflow made.
fn rules(scene: &Scene<'_>, change: impl FnOnce(&mut Vec<Rule>)) {
    let groups = scene.groups();
    let (id, _) = groups
        .iter()
        .find(|(_, g)| g.tags.contains_key("privatelink-workflow:connection"))
        .unwrap();
    scene.sims().ec2.with_world(|world| {
        change(&mut world.account_mut(ACCOUNT).security_groups.get_mut(id).unwrap().rules);
    });
}

/// Tells the request which endpoint to adopt: the one that somebody made by hand.
fn adopt(scene: &Scene<'_>, request: &mut serde_json::Value) {
    let endpoints = scene.sims().ec2.endpoints();
    let mut by_hand = endpoints
        .iter()
        .filter(|e| e.owner_account == ACCOUNT && e.tags.get("made").is_some_and(|by| *by == scene.name));
    request["consumer"]["adopt_endpoint_id"] = json!(by_hand.next_back().unwrap().id);
}

fn other_group(scene: &Scene<'_>) -> String {
    scene.group.replacen("sg-0c", "sg-0d", 1)
}

fn by_hand(scene: &Scene<'_>, change: impl FnOnce(&mut simulators::ec2::Seed)) {
    scene.service_exists(&[crate::scene::OWN]);
    scene.endpoint_by_hand(|seed| {
        seed.tags.insert("made".to_owned(), scene.name.clone());
        change(seed);
    });
}

pub(crate) const CASES: &[Case] = &[
    case("the endpoint was rejected")
        .arrange(&[
            Step::Provisioned,
            Step::Deed(|s| assert!(s.sims().ec2.reject(&s.ours()[0].id))),
        ])
        .writes(MADE_AGAIN),
    case("the endpoint failed")
        .arrange(&[
            Step::Provisioned,
            Step::Deed(|s| assert!(s.sims().ec2.fail(&s.ours()[0].id, "InternalError", "no capacity"))),
        ])
        .writes(MADE_AGAIN),
    case("the endpoint expired")
        .arrange(&[
            Step::Provisioned,
            Step::Deed(|s| assert!(s.sims().ec2.restore(&s.ours()[0].id, EndpointState::Expired))),
        ])
        .writes(MADE_AGAIN),
    case("somebody deleted the endpoint, and EC2 has forgotten it")
        .arrange(&[
            Step::Provisioned,
            Step::Deed(|s| assert!(s.sims().ec2.forget(&s.ours()[0].id))),
        ])
        .writes(&["CreateVpcEndpoint"]),
    case("somebody is deleting the endpoint")
        .arrange(&[
            Step::Provisioned,
            Step::Deed(|s| assert!(s.sims().ec2.delete(&s.ours()[0].id))),
        ])
        .writes(&["CreateVpcEndpoint"]),
    case("one zone more")
        .arrange(&[Step::Provisioned])
        .request(|s, r| r["consumer"]["subnet_ids"] = json!([s.subnet(1), s.subnet(2), s.subnet(3)]))
        .writes(&["ModifyVpcEndpoint"]),
    case("one zone less")
        .arrange(&[Step::Provisioned])
        .request(|s, r| r["consumer"]["subnet_ids"] = json!([s.subnet(2)]))
        .writes(&["ModifyVpcEndpoint"]),
    case("other subnets in the same zones")
        .arrange(&[Step::Provisioned])
        .request(|s, r| r["consumer"]["subnet_ids"] = json!([s.add_subnet_beside(1), s.add_subnet_beside(2)]))
        .writes(&["ModifyVpcEndpoint", "ModifyVpcEndpoint", "ModifyVpcEndpoint"]),
    case("another security group")
        .arrange(&[
            Step::Provisioned,
            Step::Deed(|s| s.add_open_group(&other_group(s), &s.vpc)),
        ])
        .request(|s, r| r["consumer"]["security_group_ids"] = json!([other_group(s)]))
        .writes(&["ModifyVpcEndpoint"]),
    case("other values of tags, and somebody else's tag")
        .arrange(&[
            Step::Provisioned,
            Step::Deed(|s| {
                let id = s.ours()[0].id.clone();
                let mut state = s.sims().fabric.state();
                state
                    .endpoints
                    .get_mut(&id)
                    .unwrap()
                    .tags
                    .insert("backup".to_owned(), "daily".to_owned());
            }),
        ])
        .request(|_, r| r["consumer"]["tags"] = json!({"team": "payments"}))
        .writes(&["CreateTags"]),
    case("a tag less")
        .arrange(&[Step::Provisioned])
        .request(|_, r| r["consumer"]["tags"] = json!({}))
        .writes(&["CreateTags", "DeleteTags"]),
    case("the workflow makes the security group")
        .request(own_group)
        .writes(&[
            "AuthorizeSecurityGroupIngress",
            "CreateSecurityGroup",
            "CreateVpcEndpoint",
            "POST privatelink",
            "PUT service",
        ]),
    case("somebody added a rule to the workflow's security group")
        .arrange(&[
            Step::ProvisionedWith(own_group),
            Step::Deed(|s| {
                rules(s, |rules| {
                    rules.push(Rule::tcp("sgr-0000000000000aaaa", 22, 22, "0.0.0.0/0"))
                })
            }),
        ])
        .request(own_group)
        .writes(&["RevokeSecurityGroupIngress"]),
    case("somebody removed the rules of the workflow's security group")
        .arrange(&[
            Step::ProvisionedWith(own_group),
            Step::Deed(|s| rules(s, |rules| rules.retain(|rule| rule.egress))),
        ])
        .request(own_group)
        .writes(&["AuthorizeSecurityGroupIngress"]),
    case("other clients")
        .arrange(&[Step::ProvisionedWith(own_group)])
        .request(|s, r| {
            own_group(s, r);
            r["consumer"]["client_cidrs"] = json!(["10.100.32.0/20", "10.99.0.0/16"]);
        })
        .writes(&["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"]),
    case("from the workflow's security group to a given one")
        .arrange(&[Step::ProvisionedWith(own_group)])
        .writes(&["DeleteSecurityGroup", "ModifyVpcEndpoint"]),
    case("from the workflow's security group to a given one, with an endpoint that is made again")
        .arrange(&[
            Step::ProvisionedWith(own_group),
            Step::Deed(|s| assert!(s.sims().ec2.fail(&s.ours()[0].id, "InternalError", "no capacity"))),
        ])
        .writes(&["CreateVpcEndpoint", "DeleteSecurityGroup", "DeleteVpcEndpoints"]),
    case("from a given security group to the workflow's")
        .arrange(&[Step::Provisioned])
        .request(own_group)
        .writes(&[
            "AuthorizeSecurityGroupIngress",
            "CreateSecurityGroup",
            "ModifyVpcEndpoint",
        ]),
    case("an endpoint made by hand is adopted")
        .arrange(&[Step::Deed(|s| by_hand(s, |_| {}))])
        .request(adopt)
        .writes(&["CreateTags", "PUT service"])
        // Whoever made it gave it away.
        .takes(&["endpoint"])
        .leaves_at_once(ACCOUNTS_OTHER),
    case("an endpoint made by hand is adopted and changed")
        .arrange(&[Step::Deed(|s| {
            by_hand(s, |seed| {
                seed.private_dns_enabled = true;
                seed.subnet_ids = vec![s.subnet(1), s.subnet(3)];
            });
        })])
        .request(adopt)
        .writes(&["CreateTags", "ModifyVpcEndpoint", "PUT service"])
        .takes(&["endpoint"])
        .leaves_at_once(ACCOUNTS_OTHER),
    case("an endpoint of another service cannot be adopted")
        .arrange(&[Step::Deed(|s| {
            by_hand(s, |seed| seed.service_id = "vpce-svc-0dead0000000000ff".to_owned())
        })])
        .request(adopt)
        .fails(
            "InvalidRequest",
            &[
                "/consumer/adopt_endpoint_id",
                "vpce-svc-0dead0000000000ff",
                "but the vendor offers",
            ],
        ),
    case("an endpoint of another VPC cannot be adopted")
        .arrange(&[Step::Deed(|s| {
            let vpc = s.add_vpc("b", 101);
            by_hand(s, |seed| seed.vpc_id = vpc);
        })])
        .request(adopt)
        .fails("InvalidRequest", &["/consumer/adopt_endpoint_id", ", not in vpc-"])
        .leaves(ACCOUNTS_OTHER),
    case("an endpoint of another connection cannot be adopted")
        .arrange(&[Step::Deed(|s| {
            by_hand(s, |seed| {
                seed.tags.insert(
                    "privatelink-workflow:connection".to_owned(),
                    "plw-00000000000000ff".to_owned(),
                );
            });
        })])
        .request(adopt)
        .fails("InvalidRequest", &["belongs to the connection plw-00000000000000ff"])
        // It is one of ours, though not of this connection.
        .leaves(&[
            "endpoint available",
            "principal arn:aws:iam::111122223333:root",
            "service",
        ]),
    case("an endpoint that does not work cannot be adopted")
        .arrange(&[Step::Deed(|s| by_hand(s, |seed| seed.state = EndpointState::Rejected))])
        .request(adopt)
        .fails("InvalidRequest", &["only one that works can be adopted"]),
    case("an endpoint made by hand is left alone")
        .arrange(&[Step::Deed(|s| by_hand(s, |_| {}))])
        .writes(&["CreateVpcEndpoint", "PUT service"])
        // Its owner still needs what the service has for the account.
        .leaves(&["component pg", "principal arn:aws:iam::111122223333:root", "service"])
        .leaves_at_once(ACCOUNTS_OTHER),
    case("the VPC by tags, subnets chosen")
        .arrange(&[Step::Deed(tagged)])
        .request(by_tags)
        .writes(&["CreateVpcEndpoint", "POST privatelink", "PUT service"]),
    case("the VPC by tags, connected already")
        .arrange(&[Step::Deed(tagged), Step::ProvisionedWith(by_tags)])
        .request(by_tags),
    case("subnets by tags")
        .arrange(&[Step::Deed(|s| {
            s.sims().ec2.with_world(|world| {
                let account = world.account_mut(ACCOUNT);
                for n in [2, 3] {
                    assert!(account.tag_subnet(&s.subnet(n), "tier", "private"));
                }
            });
        })])
        .request(|_, r| {
            r["consumer"].as_object_mut().unwrap().remove("subnet_ids");
            r["consumer"]["subnet_tags"] = json!({"tier": "private"});
        })
        .writes(&["CreateVpcEndpoint", "POST privatelink", "PUT service"]),
    case("no VPC has the tags")
        .request(by_tags)
        .fails("InvalidRequest", &["/consumer/vpc_tags", "no VPC"]),
    case("a subnet is in no zone of the service")
        .arrange(&[Step::Deed(|s| {
            s.aiven(|s| s.zone_ids = vec!["euw1-az1".to_owned()]);
            s.service_exists(&[crate::scene::OWN]);
        })])
        .fails("InvalidRequest", &["/consumer/subnet_ids/1", "does not offer"]),
    case("the VPC is gone")
        .arrange(&[
            Step::Provisioned,
            Step::Deed(|s| {
                assert!(s.sims().ec2.forget(&s.ours()[0].id));
                s.sims().ec2.with_world(|world| {
                    let account = world.account_mut(ACCOUNT);
                    account.vpcs.remove(&s.vpc);
                    account.subnets.retain(|_, subnet| subnet.vpc_id != s.vpc);
                    account.security_groups.retain(|_, group| group.vpc_id != s.vpc);
                });
            }),
        ])
        .fails("InvalidRequest", &["/consumer/vpc_id", "there is no VPC"]),
];

fn tagged(scene: &Scene<'_>) {
    scene.sims().ec2.with_world(|world| {
        assert!(world.account_mut(ACCOUNT).tag_vpc(&scene.vpc, "scene", &scene.name));
    });
}

fn by_tags(scene: &Scene<'_>, request: &mut serde_json::Value) {
    let consumer = request["consumer"].as_object_mut().unwrap();
    consumer.remove("vpc_id");
    consumer.remove("subnet_ids");
    consumer.insert("vpc_tags".to_owned(), json!({"scene": scene.name}));
}
