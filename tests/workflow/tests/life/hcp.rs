//! What can be at HCP, and in Route 53.

use std::time::Duration;

use serde_json::json;
use simulators::fabric::EndpointState;
use simulators::hcp::PROJECT_ID;

use crate::case::{Case, Step};
use crate::scene::{FOREIGN, Scene, Vendor};

const NEW: Case = Case::new(Vendor::Hcp, "nothing is there");
const ALL: &[&str] = &[
    "ChangeResourceRecordSets",
    "CreateHostedZone",
    "CreateVpcEndpoint",
    "POST link",
];
const JOIN: &[&str] = &[
    "ChangeResourceRecordSets",
    "CreateHostedZone",
    "CreateVpcEndpoint",
    "PATCH link",
];

const fn case(name: &'static str) -> Case {
    Case { name, ..NEW }
}

fn accounts(scene: &Scene<'_>, n: usize) {
    let arns: Vec<String> = (0..n).map(|i| format!("arn:aws:iam::444455556666:role/r{i}")).collect();
    let arns: Vec<&str> = arns.iter().map(String::as_str).collect();
    scene.service_exists(&arns);
}

pub(crate) const CASES: &[Case] = &[
    NEW.writes(ALL),
    case("connected already").arrange(&[Step::Provisioned]),
    case("the service is another consumer's")
        .arrange(&[Step::Deed(|s| s.service_exists(&[FOREIGN]))])
        .writes(JOIN),
    case("the service is being created")
        .arrange(&[Step::Deed(|s| {
            s.service_exists(&[FOREIGN]);
            let soon = s.sims().fabric.clock.now() + Duration::from_secs(60);
            s.hcp_link(|link| {
                let link = link.unwrap();
                *link = link.clone().being_created(soon);
            });
        })])
        .writes(JOIN),
    case("one account is free")
        .arrange(&[Step::Deed(|s| accounts(s, 9))])
        .writes(JOIN),
    case("no account is free")
        .arrange(&[Step::Deed(|s| accounts(s, 10))])
        .fails("LimitExceeded", &["/provider/consumer_accounts", "11 of 10"]),
    case("no account is free, and the request takes one away")
        .arrange(&[Step::Deed(|s| accounts(s, 10))])
        .request(|_, r| r["provider"]["remove_consumer_accounts"] = json!(["arn:aws:iam::444455556666:role/r3"]))
        .writes(JOIN)
        .takes(&["principal arn:aws:iam::444455556666:role/r3"]),
    case("a range is added and a stale one taken away")
        .arrange(&[Step::Deed(|s| s.service_exists(&[FOREIGN])), Step::Provisioned])
        .request(|_, r| {
            r["provider"]["consumer_ip_ranges"] = json!(["10.100.0.0/16", "10.100.64.0/20"]);
            r["provider"]["remove_consumer_ip_ranges"] = json!(["10.40.0.0/16"]);
        })
        .writes(&["PATCH link"])
        .takes(&["range 10.40.0.0/16"]),
    case("a range that others may use as well")
        .arrange(&[Step::Deed(|s| s.service_exists(&[FOREIGN]))])
        .request(|_, r| r["provider"]["consumer_ip_ranges"] = json!(["10.0.0.0/8"]))
        .writes(JOIN)
        .leaves(&["range 10.0.0.0/8"])
        .leaves_at_once(&[]),
    case("the service may not be deleted")
        .request(|_, r| r["provider"]["delete_service"] = json!(false))
        .writes(ALL)
        .leaves(&["service"])
        .leaves_at_once(&[]),
    case("the name is somebody else's zone")
        .arrange(&[Step::ForeignZone])
        .fails(
            "InvalidRequest",
            &["/consumer/vpc_id", "which this workflow did not make"],
        ),
    case("our zone is gone")
        .arrange(&[Step::Provisioned, Step::ZoneGone])
        .writes(&["ChangeResourceRecordSets", "CreateHostedZone"]),
    case("our record points elsewhere")
        .arrange(&[Step::Provisioned, Step::RecordElsewhere])
        .writes(&["ChangeResourceRecordSets"])
        // To an endpoint of somebody else in the same VPC, who still needs what the service has for the account.
        .leaves(&[
            "principal arn:aws:iam::111122223333:root",
            "range 10.100.0.0/16",
            "service",
        ])
        .leaves_at_once(&[
            "principal arn:aws:iam::111122223333:root",
            "range 10.100.0.0/16",
            "service",
            "zone",
        ]),
    case("somebody put a record into our zone")
        .arrange(&[Step::Provisioned, Step::ExtraRecord])
        .leaves(&["zone"]),
    case("the endpoint was rejected")
        .arrange(&[
            Step::Provisioned,
            Step::Deed(|s| assert!(s.sims().ec2.reject(&s.ours()[0].id))),
        ])
        .writes(&["ChangeResourceRecordSets", "CreateVpcEndpoint", "DeleteVpcEndpoints"]),
    case("the vendor offers another endpoint service, and the request allows no replacement")
        .arrange(&[Step::Provisioned, Step::Deed(moved)])
        .fails("InvalidRequest", &["/allow_replace", "an endpoint cannot move"]),
    case("the vendor offers another endpoint service")
        .arrange(&[Step::Provisioned, Step::Deed(moved)])
        .request(|_, r| r["allow_replace"] = json!(true))
        .writes(&["ChangeResourceRecordSets", "CreateVpcEndpoint", "DeleteVpcEndpoints"]),
    case("the HVN is in another region")
        .of_vendor_region("us-east-1")
        .writes(ALL),
    case("the VPC has DNS names off")
        .arrange(&[Step::Deed(|s| {
            s.sims().ec2.with_world(|world| {
                let account = world.account_mut(crate::scene::ACCOUNT);
                account.vpcs.get_mut(&s.vpc).unwrap().dns_hostnames = false;
            });
        })])
        .fails("InvalidRequest", &["/consumer/vpc_id", "enableDnsHostnames off"]),
    case("the HVN is gone")
        .arrange(&[
            Step::Provisioned,
            Step::Deed(|s| {
                let mut world = s.sims().hcp.world();
                let project = world.projects.get_mut(PROJECT_ID).unwrap();
                project.networks.remove(&format!("{}-hvn", s.name));
                project.links.retain(|_, link| link.vault_cluster_id != s.name);
            }),
        ])
        .fails("InvalidRequest", &["/provider/hvn_id"]),
    case("the PrivateLink service is gone and the endpoint rejected")
        .arrange(&[
            Step::Provisioned,
            Step::Deed(|s| {
                assert!(s.sims().ec2.restore(&s.ours()[0].id, EndpointState::Rejected));
                let mut world = s.sims().hcp.world();
                let project = world.projects.get_mut(PROJECT_ID).unwrap();
                project.links.retain(|_, link| link.vault_cluster_id != s.name);
            }),
        ])
        .writes(&[
            "ChangeResourceRecordSets",
            "CreateVpcEndpoint",
            "DeleteVpcEndpoints",
            "POST link",
        ]),
    case("the secret is gone")
        .arrange(&[Step::Provisioned])
        .request(|_, r| r["provider"]["secret_id"] = json!("privatelink/gone"))
        .fails("InvalidRequest", &["/provider/secret_id"])
        .leaves(&[
            "principal arn:aws:iam::111122223333:root",
            "range 10.100.0.0/16",
            "service",
        ]),
    case("the VPC moved, and its connection is to be replaced")
        .arrange(&[
            Step::Provisioned,
            Step::Deed(|s| {
                s.add_vpc("b", 101);
            }),
        ])
        .request(|s, r| {
            r["consumer"]["vpc_id"] = json!(s.vpc_id("b"));
            r["consumer"]["replaces_vpc_id"] = json!(s.vpc);
            r["consumer"].as_object_mut().unwrap().remove("subnet_ids");
            r["consumer"].as_object_mut().unwrap().remove("security_group_ids");
            r["allow_replace"] = json!(true);
        })
        .writes(&[
            "AuthorizeSecurityGroupIngress",
            "ChangeResourceRecordSets",
            "ChangeResourceRecordSets",
            "CreateHostedZone",
            "CreateSecurityGroup",
            "CreateVpcEndpoint",
            "DeleteHostedZone",
            "DeleteVpcEndpoints",
        ])
        .leaves_at_once(&[
            "endpoint available",
            "principal arn:aws:iam::111122223333:root",
            "range 10.100.0.0/16",
            "service",
            "zone",
        ]),
];

/// Our endpoint is connected to an endpoint service that the vendor no longer tells of.
fn moved(scene: &Scene<'_>) {
    let id = scene.ours()[0].id.clone();
    let mut state = scene.sims().fabric.state();
    let endpoint = state.endpoints.get_mut(&id).unwrap();
    endpoint.service_id = "vpce-svc-0dead0000000000ff".to_owned();
    endpoint.service_name = "com.amazonaws.vpce.eu-west-1.vpce-svc-0dead0000000000ff".to_owned();
}
