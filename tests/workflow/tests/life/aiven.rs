//! What can be at Aiven.

use serde_json::json;
use simulators::aiven::{LinkState, PrivateLink};

use crate::case::{Case, Step};
use crate::scene::{FOREIGN, OWN, Scene, Vendor};

const NEW: Case = Case::new(Vendor::Aiven, "nothing is there");
const ALL: &[&str] = &["CreateVpcEndpoint", "POST privatelink", "PUT service"];
const JOIN: &[&str] = &["CreateVpcEndpoint", "PUT privatelink", "PUT service"];

const fn case(name: &'static str) -> Case {
    Case { name, ..NEW }
}

fn principals(scene: &Scene<'_>, n: usize) {
    let arns: Vec<String> = (0..n).map(|i| format!("arn:aws:iam::444455556666:role/r{i}")).collect();
    let arns: Vec<&str> = arns.iter().map(String::as_str).collect();
    scene.aiven(|s| s.privatelink = Some(PrivateLink::active(&arns, &[])));
}

pub(crate) const CASES: &[Case] = &[
    NEW.writes(ALL),
    case("connected already").arrange(&[Step::Provisioned]),
    case("the service is another consumer's")
        .arrange(&[Step::Deed(|s| s.service_exists(&[FOREIGN]))])
        .writes(JOIN)
        // Others are connected, and components are switched for all of them.
        .leaves(&["component pg"])
        .leaves_at_once(&[]),
    case("another consumer has the component on")
        .arrange(&[
            Step::Deed(|s| s.service_exists(&[FOREIGN])),
            Step::Deed(|s| s.aiven(|s| s.user_config = json!({"privatelink_access": {"pg": true}}))),
        ])
        .writes(&["CreateVpcEndpoint", "PUT privatelink"])
        .leaves(&["component pg"]),
    case("the service is there for us and has no endpoint")
        .arrange(&[Step::Deed(|s| s.service_exists(&[OWN]))])
        .writes(&["CreateVpcEndpoint", "PUT service"]),
    case("the service is ours and another consumer's")
        .arrange(&[Step::Deed(|s| s.service_exists(&[OWN, FOREIGN]))])
        .writes(&["CreateVpcEndpoint", "PUT service"])
        .leaves(&["component pg"])
        .leaves_at_once(&[]),
    case("the service is being created")
        .arrange(&[Step::Deed(|s| {
            s.service_exists(&[FOREIGN]);
            s.aiven(|s| s.privatelink.as_mut().unwrap().state = LinkState::Creating);
        })])
        .writes(JOIN)
        .leaves(&["component pg"])
        .leaves_at_once(&[]),
    case("the service is being deleted")
        .arrange(&[Step::Deed(|s| {
            s.service_exists(&[OWN]);
            s.aiven(|s| s.privatelink.as_mut().unwrap().state = LinkState::Deleting);
        })])
        .writes(ALL),
    case("one principal is free")
        .arrange(&[Step::Deed(|s| principals(s, 15))])
        .writes(JOIN),
    case("no principal is free")
        .arrange(&[Step::Deed(|s| principals(s, 16))])
        .fails("LimitExceeded", &["/provider/principals", "17 of 16"]),
    case("no principal is free, and the request takes one away")
        .arrange(&[Step::Deed(|s| principals(s, 16))])
        .request(|_, r| r["provider"]["remove_principals"] = json!(["arn:aws:iam::444455556666:role/r3"]))
        .writes(JOIN)
        .takes(&["principal arn:aws:iam::444455556666:role/r3"]),
    case("somebody took our principal away")
        .arrange(&[
            Step::Provisioned,
            Step::Deed(|s| s.aiven(|s| s.privatelink.as_mut().unwrap().principals = vec![FOREIGN.to_owned()])),
        ])
        .writes(&["PUT privatelink"]),
    case("somebody switched the component off")
        .arrange(&[
            Step::Provisioned,
            Step::Deed(|s| s.aiven(|s| s.user_config = json!({"privatelink_access": {"pg": false}}))),
        ])
        .writes(&["PUT service"]),
    case("a further component is asked for")
        .arrange(&[Step::Provisioned])
        .request(|_, r| r["provider"]["components"] = json!(["pg", "pgbouncer"]))
        // A tag of the endpoint says which components there are.
        .writes(&["CreateTags", "PUT service"])
        .leaves_at_once(&[]),
    case("the service may not be deleted")
        .request(|_, r| r["provider"]["delete_service"] = json!(false))
        .writes(ALL)
        .leaves(&["principal arn:aws:iam::111122223333:root", "service"])
        .leaves_at_once(&[]),
    case("the service is in another region")
        .of_vendor_region("us-east-1")
        .writes(ALL),
    case("the service is powered off")
        .arrange(&[Step::Deed(|s| {
            s.aiven(|s| s.state = simulators::aiven::ServiceState::Poweroff);
        })])
        .fails("InvalidRequest", &["/provider/service_name", "powered off"]),
    case("the Aiven service is gone")
        .arrange(&[
            Step::Provisioned,
            Step::Deed(|s| {
                let mut world = s.sims().aiven.world();
                world
                    .projects
                    .get_mut(simulators::aiven::PROJECT)
                    .unwrap()
                    .services
                    .remove(&s.name);
            }),
        ])
        .fails("InvalidRequest", &["/provider"]),
    case("the secret is gone")
        .arrange(&[Step::Provisioned])
        .request(|_, r| r["provider"]["secret_id"] = json!("privatelink/gone"))
        .fails("InvalidRequest", &["/provider/secret_id"])
        .leaves(&["component pg", "principal arn:aws:iam::111122223333:root", "service"]),
];
