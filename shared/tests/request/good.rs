//! Requests that are good, and what validation makes of them.

use serde_json::json;
use shared::request::{Action, Goal, Provider, json_schema, validate};

use crate::{PREFIX, accepted, aiven, base_request, hcp, patched, with};

/// Request, and a merge patch that leaves it good.
const GOOD: &str = r#"
aiven | {"action": "plan"}
aiven | {"action": "plan", "plan_for": "provision"}
hcp | {"action": "plan", "plan_for": "deprovision"}
aiven | {"action": "provision", "plan_for": "provision"}
hcp | {"action": "deprovision"}
hcp | {"action": "deprovision", "provider": {"delete_service": true}}
aiven | {"action": "deprovision", "provider": {"delete_service": true}}
aiven | {"on_failure": "keep"}
aiven | {"allow_replace": true}

aiven | {"consumer": {"role_arn": "arn:aws:iam::111122223333:role/network/vending"}}
hcp | {"consumer": {"role_arn": null}}
hcp | {"consumer": {"wait_for_network": true}}
aiven | {"action": "deprovision", "consumer": {"wait_for_network": true}}
aiven | {"consumer": {"vpc_id": null, "vpc_tags": {"Name": "prod"}}}
aiven | {"consumer": {"vpc_id": null, "vpc_tags": {"aws:cloudformation:stack-name": "net", "privatelink-workflow:x": "", "a/b~c": "*?"}}}
aiven | {"consumer": {"vpc_id": "vpc-0a1b2c3d", "vpc_tags": {}}}
hcp | {"consumer": {"subnet_ids": null}}
hcp | {"consumer": {"subnet_ids": []}}
aiven | {"consumer": {"subnet_ids": null, "subnet_tags": {"tier": "private", "aws:cloudformation:stack-name": "net"}}}
aiven | {"consumer": {"subnet_ids": ["subnet-0aaa1111"], "subnet_tags": {}}}
hcp | {"consumer": {"security_group_ids": null}}
hcp | {"consumer": {"security_group_ids": []}}
hcp | {"consumer": {"security_group_ids": null, "client_cidrs": ["10.20.0.0/16", "192.168.7.1/32"]}}
aiven | {"consumer": {"adopt_endpoint_id": "vpce-0a1b2c3d4e5f60718"}}
aiven | {"consumer": {"adopt_endpoint_id": "vpce-0a1b2c3d"}}
aiven | {"allow_replace": true, "consumer": {"replaces_vpc_id": "vpc-0a1b2c3d4e5f60719"}}
aiven | {"allow_replace": true, "consumer": {"replaces_vpc_id": "vpc-0a1b2c3d4e5f60718", "vpc_id": null, "vpc_tags": {"Name": "new"}}}
aiven | {"consumer": {"vpc_id": null, "vpc_tags": {"Name": "x"}, "subnet_ids": null, "security_group_ids": null}}

aiven | {"provider": {"remove_principals": ["arn:aws:iam::444455556666:root", "arn:aws:iam::444455556666:role/path/name"]}}
aiven | {"provider": {"principals": ["arn:aws:iam::111122223333:role/app"], "remove_principals": ["arn:aws:iam::111122223333:root"]}}
aiven | {"provider": {"supported_regions": ["eu-west-2"], "remove_supported_regions": ["us-east-1"]}}
hcp | {"provider": {"remove_consumer_accounts": ["arn:aws:iam::444455556666:root"]}}
hcp | {"provider": {"remove_consumer_ip_ranges": ["10.20.0.0/24", "10.0.0.0/8"]}}
hcp | {"provider": {"remove_consumer_regions": ["us-east-1"]}}
hcp | {"provider": {"private_link_service_id": "acme-private-link"}}
"#;

#[test]
fn good_requests_pass_and_get_their_defaults() {
    for document in [aiven(), hcp()] {
        let request = validate(&document, PREFIX).unwrap();
        assert_eq!(request.provider.principals(), ["arn:aws:iam::111122223333:root"]);
        let regions = match &request.provider {
            Provider::HcpVault(hcp) => &hcp.consumer_regions,
            Provider::Aiven(aiven) => &aiven.supported_regions,
        };
        assert_eq!(regions, &["eu-west-1"]);
        assert_eq!((request.action, request.goal()), (Action::Provision, Goal::Provision));
        assert!(!request.waits_for_network() && request.consumer.role_arn.is_none());
        assert!(!request.allow_replace && !request.provider.may_delete_service());
        let again = validate(&serde_json::to_value(&request).unwrap(), PREFIX).unwrap();
        assert_eq!(again, request, "a validated request is a request");
    }
}

#[test]
fn each_new_shape_is_a_request() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    for row in GOOD.lines().filter(|line| !line.is_empty()) {
        let (base, patch) = row.split_once(" | ").unwrap();
        let document = patched(base_request(base), &serde_json::from_str(patch).unwrap());
        let request = accepted(&document);
        assert!(validator.is_valid(&document), "{row}");
        let again = accepted(&serde_json::to_value(&request).unwrap());
        assert_eq!(again, request, "{row}: a validated request is a request");
    }
}

#[test]
fn the_goal_is_the_actions_own_or_the_one_that_is_planned() {
    for (patch, goal) in [
        (json!({}), Goal::Provision),
        (json!({"action": "deprovision"}), Goal::Deprovision),
        (json!({"action": "plan"}), Goal::Provision),
        (json!({"action": "plan", "plan_for": "deprovision"}), Goal::Deprovision),
    ] {
        assert_eq!(accepted(&patched(aiven(), &patch)).goal(), goal, "{patch}");
    }
}

/// The state machine decides by the action, so that a request that names none must say it all the same.
#[test]
fn a_validated_request_says_its_action() {
    let validated = serde_json::to_value(accepted(&aiven())).unwrap();
    assert_eq!(validated["action"], "provision");
}

#[test]
fn the_workflow_makes_the_security_group_when_the_request_names_none() {
    assert!(!accepted(&aiven()).consumer.has_managed_group());
    let without = with(aiven(), "/consumer/security_group_ids", None);
    assert!(accepted(&without).consumer.has_managed_group());
}
