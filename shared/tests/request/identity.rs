//! What makes a connection the same one.

use serde_json::{Value, json};
use shared::identity::{ConnectionId, TAG_COMPONENTS, TAG_SECRET, TAG_SERVICE, provider_of_tags};

use crate::{accepted, aiven, hcp, patched, with};

#[test]
fn a_connection_is_its_service_account_region_and_vpc() {
    let id = |document: &Value| {
        let request = accepted(document);
        let vpc_id = request.consumer.vpc_id.clone().unwrap_or_default();
        ConnectionId::of(&request, &vpc_id).to_string()
    };
    let same = [
        with(
            aiven(),
            "/consumer/subnet_ids",
            Some(json!(["subnet-0aaa1111bbb222203"])),
        ),
        with(aiven(), "/consumer/tags", Some(json!({"a": "b"}))),
        with(aiven(), "/provider/components", Some(json!(["schema_registry"]))),
        with(aiven(), "/provider/secret_id", Some(json!("privatelink/other"))),
        with(aiven(), "/on_failure", Some(json!("keep"))),
        with(aiven(), "/action", Some(json!("deprovision"))),
        with(aiven(), "/allow_replace", Some(json!(true))),
        with(aiven(), "/consumer/security_group_ids", None),
        with(aiven(), "/consumer/adopt_endpoint_id", Some(json!("vpce-0a1b2c3d"))),
    ];
    for document in same {
        assert_eq!(id(&document), id(&aiven()));
    }
    let by_tags = accepted(&patched(
        aiven(),
        &json!({"consumer": {"vpc_id": null, "vpc_tags": {"Name": "prod"}}}),
    ));
    let found = ConnectionId::of(&by_tags, "vpc-0a1b2c3d4e5f60718").to_string();
    assert_eq!(found, id(&aiven()), "the VPC counts, and not how the request names it");
    let other = [
        with(aiven(), "/consumer/account_id", Some(json!("444455556666"))),
        with(aiven(), "/consumer/region", Some(json!("eu-west-2"))),
        with(aiven(), "/consumer/vpc_id", Some(json!("vpc-0a1b2c3d4e5f60719"))),
        with(aiven(), "/provider/service_name", Some(json!("orders-pg"))),
        with(aiven(), "/provider/project", Some(json!("acme-test"))),
        hcp(),
    ];
    for document in other {
        assert_ne!(id(&document), id(&aiven()));
    }
}

#[test]
fn a_client_token_fits_ec2_and_differs_by_generation() {
    let id = ConnectionId::of(&accepted(&aiven()), "vpc-0a1b2c3d4e5f60718");
    let tokens: Vec<_> = (1..=3).map(|generation| id.client_token(generation)).collect();
    assert!(tokens.iter().all(|token| token.len() <= 64 && token.is_ascii()));
    assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2]);
    assert_eq!(tokens[0], id.client_token(1), "the same in every retry of every layer");
}

#[test]
fn an_endpoints_tags_say_what_a_request_needs() {
    let ranges = ["10.20.0.0/16".to_owned()];
    for document in [aiven(), hcp()] {
        let request = accepted(&document);
        let id = ConnectionId::of(&request, "vpc-0a1b2c3d4e5f60718");
        let tags = id.endpoint_tags(&request, 1, "run-1");
        assert!(tags.len() <= 50 - 40 + request.consumer.tags.len());
        for (key, value) in &tags {
            let allowed = |c: char| c.is_alphanumeric() || " +-=._:/@".contains(c);
            assert!(
                key.len() <= 128 && value.len() <= 256 && value.chars().all(allowed),
                "{key}: {value}"
            );
        }
        let mut rebuilt = document.clone();
        rebuilt["provider"] = provider_of_tags(&tags, &ranges).unwrap();
        let rebuilt = accepted(&rebuilt);
        assert_eq!(ConnectionId::of(&rebuilt, "vpc-0a1b2c3d4e5f60718"), id);
        assert_eq!(rebuilt.provider.secret_id(), request.provider.secret_id());
        assert_eq!(rebuilt.provider.principals(), request.provider.principals());
    }
    let kafka = ConnectionId::of(&accepted(&aiven()), "vpc-1").endpoint_tags(&accepted(&aiven()), 1, "run-1");
    let components = aiven()["provider"]["components"].as_array().unwrap().len();
    assert_eq!(kafka[TAG_COMPONENTS].split(' ').count(), components);
}

#[test]
fn what_does_not_fit_into_a_tag_is_missed_by_name() {
    let long = format!("privatelink/{}", "x".repeat(300));
    let request = accepted(&with(aiven(), "/provider/secret_id", Some(json!(long))));
    let tags = ConnectionId::of(&request, "vpc-1").endpoint_tags(&request, 1, "run-1");
    assert_eq!(
        tags[TAG_SECRET], "",
        "set, as one that was there before is never taken off"
    );
    assert!(provider_of_tags(&tags, &[]).unwrap_err().contains(TAG_SECRET));
    let mut strange = ConnectionId::of(&accepted(&aiven()), "vpc-1").endpoint_tags(&accepted(&aiven()), 1, "run-1");
    strange.insert(TAG_SERVICE.to_owned(), "aiven/only-a-project".to_owned());
    assert!(
        provider_of_tags(&strange, &[])
            .unwrap_err()
            .contains("aiven/only-a-project")
    );
}
