//! Requests that are refused: each mistake with its path and its message, all of them at once.

use serde_json::{Value, json};
use shared::ErrorName;
use shared::request::validate;

use crate::{PREFIX, aiven, base_request, hcp, patched, with};

/// Request, field, its value (`-` removes it), and the one violation that follows, as `path: words in the message`.
const BAD: &str = r#"
aiven | /provider | - | /provider: missing
aiven | /provider | "aiven" | /provider: must be an object
aiven | /provider/type | - | /provider/type: missing; one of: hcp_vault, aiven
aiven | /provider/type | "mongodb" | /provider/type: must be one of: hcp_vault, aiven
aiven | /consumer | - | /consumer: missing
aiven | /consumer | [] | /consumer: must be of type object, not an array
aiven | /on_failure | "explode" | /on_failure: must be one of: undo, keep
aiven | /action | "destroy" | /action: must be one of: plan, provision, deprovision
aiven | /action | "Plan" | /action: must be one of: plan, provision, deprovision
aiven | /action | 1 | /action: must be one of: plan, provision, deprovision
aiven | /plan_for | "plan" | /plan_for: must be one of: provision, deprovision
aiven | /plan_for | "deprovision" | /plan_for: only for the action "plan"
aiven | /allow_replace | "true" | /allow_replace: must be of type boolean, not a string
aiven | /allow_replace | null | /allow_replace: must be of type boolean, not null
aiven | /cosumer | {} | /cosumer: unknown field
aiven | /consumer/vpcid | "vpc-1" | /consumer/vpcid: unknown field
aiven | /provider/a~b | 1 | /provider/a~0b: unknown field
aiven | /provider/vault_cluster_id | "x" | /provider/vault_cluster_id: unknown field

aiven | /consumer/account_id | - | /consumer/account_id: missing
aiven | /consumer/account_id | 111122223333 | /consumer/account_id: must be of type string, not a number
aiven | /consumer/account_id | "11112222333" | /consumer/account_id: 12 digits
aiven | /consumer/role_arn | "arn:aws:iam::444455556666:role/network" | /consumer/role_arn: is a role in account 444455556666, but the VPC is in account 111122223333
aiven | /consumer/role_arn | "arn:aws:iam::111122223333:user/network" | /consumer/role_arn: does not have the right form
aiven | /consumer/role_arn | ["network"] | /consumer/role_arn: must be of type string
aiven | /consumer/wait_for_network | "yes" | /consumer/wait_for_network: must be of type boolean, not a string
aiven | /consumer/region | "Ireland" | /consumer/region: like `eu-west-1`
aiven | /consumer/region | "eu-west-1a" | /consumer/region: like `eu-west-1`
aiven | /consumer/vpc_id | "vpc-xyz" | /consumer/vpc_id: 8 or 17 hex digits
aiven | /consumer/vpc_id | null | /consumer/vpc_id: missing; name the VPC by vpc_id or by vpc_tags
aiven | /consumer/vpc_id | - | /consumer/vpc_id: missing; name the VPC by vpc_id or by vpc_tags
aiven | /consumer/vpc_tags | {"Name": "prod"} | /consumer/vpc_tags: named by vpc_id already
aiven | /consumer/vpc_tags | ["Name"] | /consumer/vpc_tags: must be of type object, not an array
aiven | /consumer/vpc_tags | {"Name": null} | /consumer/vpc_tags/Name: must be of type string, not null
aiven | /consumer/subnet_tags | {"tier": "private"} | /consumer/subnet_tags: named by subnet_ids already
aiven | /consumer/subnet_tags | "private" | /consumer/subnet_tags: must be of type object, not a string
aiven | /consumer/client_cidrs | ["10.20.0.0/16"] | /consumer/client_cidrs: security group that the workflow makes
aiven | /consumer/client_cidrs | "10.20.0.0/16" | /consumer/client_cidrs: must be of type array, not a string
aiven | /consumer/client_cidrs | ["10.20.0.0"] | /consumer/client_cidrs/0: like `10.20.0.0/16`
aiven | /consumer/client_cidrs | ["10.20.0.0/16", "10.20.0.0/16"] | /consumer/client_cidrs: same item twice
aiven | /consumer/adopt_endpoint_id | "vpce-svc-0a1b2c3d4e5f60718" | /consumer/adopt_endpoint_id: `vpce-` and 8 or 17 hex digits
aiven | /consumer/adopt_endpoint_id | ["vpce-0a1b2c3d"] | /consumer/adopt_endpoint_id: must be of type string, not an array
aiven | /consumer/replaces_vpc_id | "vpc-0a1b2c3d4e5f60719" | /consumer/replaces_vpc_id: "allow_replace": true
aiven | /consumer/replaces_vpc_id | "old" | /consumer/replaces_vpc_id: does not have the right form
aiven | /consumer/replaces_vpc_tags | {"a": "b"} | /consumer/replaces_vpc_tags: unknown field
aiven | /consumer/subnet_ids | "subnet-0aaa1111bbb222201" | /consumer/subnet_ids: must be of type array
aiven | /consumer/subnet_ids/1 | "subnet-0aaa1111bbb222201" | /consumer/subnet_ids: same item twice
aiven | /consumer/subnet_ids/0 | "vpc-0a1b2c3d4e5f60718" | /consumer/subnet_ids/0: does not have the right form
aiven | /consumer/security_group_ids | {} | /consumer/security_group_ids: must be of type array, not an object
aiven | /consumer/security_group_ids/0 | "default" | /consumer/security_group_ids/0: does not have the right form
aiven | /consumer/tags | {"aws:team": "x"} | /consumer/tags/aws:team: must not start with
aiven | /consumer/tags | {"privatelink-workflow:x": "x"} | /consumer/tags/privatelink-workflow:x: must not start with
aiven | /consumer/tags | {"a/b": 1} | /consumer/tags/a~1b: must be of type string
aiven | /consumer/tags | {"AWS:team": "x"} | /consumer/tags/AWS:team: must not start with
aiven | /consumer/tags | {"": "x"} | /consumer/tags/: 1 to 128

aiven | /provider/project | "Acme Prod" | /provider/project: does not have the right form
aiven | /provider/service_name | "a/../b" | /provider/service_name: does not have the right form
aiven | /provider/service_name | "" | /provider/service_name: does not have the right form
aiven | /provider/components | [] | /provider/components: too few items
aiven | /provider/components/0 | "kafca" | /provider/components/0: no component that any service type offers
aiven | /provider/principals | ["111122223333"] | /provider/principals/0: does not have the right form
aiven | /provider/principals | ["*"] | /provider/principals/0: does not have the right form
aiven | /provider/principals | ["arn:aws:iam::111122223333:role/path/name"] | /provider/principals/0: without a path
aiven | /provider/principals | ["arn:aws:iam::444455556666:root"] | /provider/principals: no principal of the consumer account 111122223333
aiven | /provider/supported_regions | ["aws-eu-west-2"] | /provider/supported_regions/0: does not have the right form
aiven | /provider/remove_principals | ["arn:aws:iam::111122223333:root"] | /provider/remove_principals/0: in principals, by itself or by default
aiven | /provider/remove_principals | ["*"] | /provider/remove_principals/0: does not have the right form
aiven | /provider/remove_principals | "arn:aws:iam::444455556666:root" | /provider/remove_principals: must be of type array
aiven | /provider/remove_supported_regions | ["eu-west-1"] | /provider/remove_supported_regions/0: in supported_regions, by itself or by default
aiven | /provider/remove_supported_regions | ["Ireland"] | /provider/remove_supported_regions/0: does not have the right form
aiven | /provider/remove_consumer_accounts | [] | /provider/remove_consumer_accounts: unknown field
aiven | /provider/delete_service | "yes" | /provider/delete_service: must be of type boolean, not a string
aiven | /provider/secret_id | "production/database" | /provider/secret_id: starts with "privatelink/"
aiven | /provider/secret_id | "privatelink/" | /provider/secret_id: starts with "privatelink/"
aiven | /provider/secret_id | "arn:aws:secretsmanager:eu-west-1:111122223333:secret:other-AbCdEf" | /provider/secret_id: starts with "privatelink/"

hcp | /provider/organization_id | "acme" | /provider/organization_id: a UUID in lower case
hcp | /provider/project_id | - | /provider/project_id: missing
hcp | /provider/hvn_id | "-hvn" | /provider/hvn_id: inner hyphens
hcp | /provider/vault_cluster_id | "ab" | /provider/vault_cluster_id: 3 to 36
hcp | /provider/private_link_service_id | "a-name-that-is-one-character-too-long" | /provider/private_link_service_id: 3 to 36
hcp | /provider/private_link_service_id | 7 | /provider/private_link_service_id: must be of type string
hcp | /provider/consumer_accounts | ["arn:aws:iam::444455556666:root"] | /provider/consumer_accounts: no principal of the consumer account
hcp | /provider/consumer_ip_ranges | - | /provider/consumer_ip_ranges: missing
hcp | /provider/consumer_ip_ranges | ["10.20.0.0"] | /provider/consumer_ip_ranges/0: like `10.20.0.0/16`
hcp | /provider/consumer_ip_ranges | ["10.20.0.300/16"] | /provider/consumer_ip_ranges/0: not an IPv4 CIDR range
hcp | /provider/consumer_ip_ranges | ["10.20.0.0/33"] | /provider/consumer_ip_ranges/0: not an IPv4 CIDR range
hcp | /provider/consumer_ip_ranges | ["10.20.1.0/16"] | /provider/consumer_ip_ranges/0: the network is 10.20.0.0/16
hcp | /provider/consumer_ip_ranges | ["0.0.0.0/0"] | /provider/consumer_ip_ranges/0: whole Internet
hcp | /provider/consumer_regions | ["eu_west_1"] | /provider/consumer_regions/0: does not have the right form
hcp | /provider/remove_consumer_accounts | ["arn:aws:iam::111122223333:root"] | /provider/remove_consumer_accounts/0: in consumer_accounts, by itself or by default
hcp | /provider/remove_consumer_accounts | ["111122223333"] | /provider/remove_consumer_accounts/0: does not have the right form
hcp | /provider/remove_consumer_ip_ranges | ["10.30.0.0/16", "10.20.0.0/16"] | /provider/remove_consumer_ip_ranges/1: in consumer_ip_ranges, by itself or by default
hcp | /provider/remove_consumer_ip_ranges | ["10.30.0.0"] | /provider/remove_consumer_ip_ranges/0: does not have the right form
hcp | /provider/remove_consumer_regions | ["eu-west-1"] | /provider/remove_consumer_regions/0: in consumer_regions, by itself or by default
hcp | /provider/remove_principals | [] | /provider/remove_principals: unknown field
hcp | /provider/delete_service | 1 | /provider/delete_service: must be of type boolean, not a number
hcp | /provider/components | ["vault"] | /provider/components: unknown field
"#;

/// Request, a merge patch, and the one violation that follows.
const BAD_TOGETHER: &str = r#"
aiven | {"action": "deprovision", "plan_for": "deprovision"} | /plan_for: only for the action "plan"
aiven | {"action": "provision", "plan_for": "deprovision"} | /plan_for: only for the action "plan"
aiven | {"allow_replace": true, "consumer": {"replaces_vpc_id": "vpc-0a1b2c3d4e5f60718"}} | /consumer/replaces_vpc_id: the connection's own VPC
aiven | {"consumer": {"vpc_id": null, "vpc_tags": {}}} | /consumer/vpc_id: missing
aiven | {"consumer": {"vpc_id": null, "vpc_tags": {"": "x"}}} | /consumer/vpc_tags/: 1 to 128
aiven | {"consumer": {"subnet_ids": [], "subnet_tags": {"": "x"}}} | /consumer/subnet_tags/: 1 to 128
aiven | {"consumer": {"security_group_ids": null, "client_cidrs": ["10.20.1.0/16"]}} | /consumer/client_cidrs/0: the network is 10.20.0.0/16
aiven | {"consumer": {"security_group_ids": null, "client_cidrs": ["10.20.0.0/16", "10.20.0.0/33"]}} | /consumer/client_cidrs/1: not an IPv4 CIDR range
aiven | {"consumer": {"security_group_ids": [], "client_cidrs": ["0.0.0.0/0"]}} | /consumer/client_cidrs/0: whole Internet
aiven | {"provider": {"supported_regions": ["eu-west-2"], "remove_supported_regions": ["eu-west-1"]}} | /provider/remove_supported_regions/0: in supported_regions, by itself or by default
aiven | {"provider": {"supported_regions": ["eu-west-2"], "remove_supported_regions": ["eu-west-2"]}} | /provider/remove_supported_regions/0: in supported_regions, by itself or by default
hcp | {"provider": {"consumer_accounts": ["arn:aws:iam::111122223333:role/app"], "remove_consumer_accounts": ["arn:aws:iam::111122223333:role/app"]}} | /provider/remove_consumer_accounts/0: in consumer_accounts, by itself or by default
hcp | {"action": "deprovision", "consumer": {"vpc_id": null}} | /consumer/vpc_id: missing
"#;

/// One mistake is one violation, with its path and its message.
fn assert_one_violation(bad: &Value, expected: &str, case: &str) {
    let (path, words) = expected.split_once(": ").unwrap();
    let found = violations(bad);
    assert_eq!(found.len(), 1, "{case}: {found:#?}");
    assert!(
        found[0].starts_with(&format!("{path}: ")) && found[0].contains(words),
        "{case}: {found:#?}"
    );
}

#[test]
fn each_violation_has_its_path_and_its_message() {
    let rows: Vec<_> = BAD.lines().filter(|line| !line.is_empty()).collect();
    assert!(rows.len() > 50);
    for row in rows {
        let [request, field, value, expected] = row.splitn(4, " | ").collect::<Vec<_>>().try_into().unwrap();
        let value = (value != "-").then(|| serde_json::from_str(value).unwrap());
        assert_one_violation(&with(base_request(request), field, value), expected, row);
    }
}

#[test]
fn fields_that_do_not_go_together_are_one_violation() {
    for row in BAD_TOGETHER.lines().filter(|line| !line.is_empty()) {
        let [request, patch, expected] = row.splitn(3, " | ").collect::<Vec<_>>().try_into().unwrap();
        let bad = patched(base_request(request), &serde_json::from_str(patch).unwrap());
        assert_one_violation(&bad, expected, row);
    }
}

#[test]
fn what_is_too_much_is_told_with_its_limit() {
    let many = |n: usize, item: &dyn Fn(usize) -> String| Some(json!((0..n).map(item).collect::<Vec<_>>()));
    let arn = |n: usize| format!("arn:aws:iam::{n:012}:root");
    let tags = |n: usize| Some(Value::Object((0..n).map(|n| (format!("k{n}"), json!("v"))).collect()));
    let network = |n: usize| format!("10.{n}.0.0/16");
    let region = |n: usize| format!("eu-west{}-1", "-x".repeat(n));
    let table = [
        (aiven(), "/provider/principals", many(17, &arn), "at most 16"),
        (hcp(), "/provider/consumer_accounts", many(11, &arn), "at most 10"),
        (hcp(), "/provider/consumer_ip_ranges", many(16, &network), "at most 15"),
        (
            aiven(),
            "/consumer/subnet_ids",
            many(17, &|n| format!("subnet-{n:08x}")),
            "at most 16",
        ),
        (aiven(), "/consumer/tags", tags(41), "at most 40"),
        (aiven(), "/consumer/vpc_tags", tags(11), "at most 10"),
        (aiven(), "/consumer/subnet_tags", tags(11), "at most 10"),
        (aiven(), "/consumer/client_cidrs", many(31, &network), "at most 30"),
        (aiven(), "/provider/remove_principals", many(17, &arn), "at most 16"),
        (
            aiven(),
            "/provider/remove_supported_regions",
            many(17, &region),
            "at most 16",
        ),
        (
            hcp(),
            "/provider/remove_consumer_accounts",
            many(33, &arn),
            "at most 32",
        ),
        (
            hcp(),
            "/provider/remove_consumer_ip_ranges",
            many(65, &network),
            "at most 64",
        ),
        (
            hcp(),
            "/provider/remove_consumer_regions",
            many(17, &region),
            "at most 16",
        ),
    ];
    for (document, field, value, words) in table {
        assert_one_violation(&with(document, field, value), &format!("{field}: {words}"), field);
    }
    let long = with(aiven(), "/consumer/tags", Some(json!({"a": "x".repeat(257)})));
    assert_one_violation(&long, "/consumer/tags/a: at most 256", "a long value");
}

#[test]
fn all_violations_are_reported_at_once() {
    let mut bad = with(aiven(), "/consumer/account_id", Some(json!(7)));
    bad = with(bad, "/consumer/region", None);
    bad = with(bad, "/provider/service_name", Some(json!("NO")));
    bad = with(bad, "/colour", Some(json!("red")));
    assert_eq!(
        paths(&bad),
        [
            "/colour",
            "/consumer/account_id",
            "/consumer/region",
            "/provider/service_name"
        ]
    );
}

#[test]
fn what_only_the_rules_see_is_reported_at_once_too() {
    let patch = json!({
        "plan_for": "deprovision",
        "provider": {
            "remove_principals": ["arn:aws:iam::111122223333:root"],
            "remove_supported_regions": ["eu-west-1"],
            "secret_id": "other"
        },
        "consumer": {
            "vpc_tags": {"Name": "prod"},
            "subnet_tags": {"tier": "private"},
            "client_cidrs": ["10.20.1.0/16", "10.20.0.0/16"],
            "replaces_vpc_id": "vpc-0a1b2c3d4e5f60718"
        }
    });
    assert_eq!(
        paths(&patched(aiven(), &patch)),
        [
            "/consumer/client_cidrs",
            "/consumer/client_cidrs/0",
            "/consumer/replaces_vpc_id",
            "/consumer/replaces_vpc_id",
            "/consumer/subnet_tags",
            "/consumer/vpc_tags",
            "/plan_for",
            "/provider/remove_principals/0",
            "/provider/remove_supported_regions/0",
            "/provider/secret_id"
        ]
    );
}

/// The paths of the violations, in their order.
fn paths(document: &Value) -> Vec<String> {
    let path = |line: &String| line.split(": ").next().unwrap().to_owned();
    violations(document).iter().map(path).collect()
}

#[test]
fn whatever_is_no_object_is_refused_with_a_path() {
    for document in [json!(null), json!([]), json!("text"), json!(1), json!(true), json!({})] {
        assert!(
            violations(&document).iter().all(|line| line.starts_with('/')),
            "{document}"
        );
    }
}

#[test]
fn a_long_wrong_value_is_cut_short() {
    let bad = with(aiven(), "/provider/project", Some(json!("X".repeat(100_000))));
    assert!(violations(&bad).concat().len() < 500);
}

/// The lines of the error's text that name a path.
fn violations(document: &Value) -> Vec<String> {
    let error = validate(document, PREFIX).expect_err("the document should be refused");
    assert_eq!(error.name, ErrorName::InvalidRequest);
    error.message.lines().skip(1).map(str::to_owned).collect()
}
