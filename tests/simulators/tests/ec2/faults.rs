//! Faults at the k-th call, as the client meets them, and what the recorder writes down.

use std::time::{Duration, Instant};

use simulators::recorder::{Api, Fault, FaultKind};

use crate::support::{ACCOUNT, Cloud, REGION, cloud};

fn inject(cloud: &Cloud, operation: &str, kth: u32, kind: FaultKind) {
    cloud.recorder.inject(Fault {
        api: Api::Ec2,
        operation: Some(operation.into()),
        kth: Some(kth),
        kind,
    });
}

#[tokio::test]
async fn the_kth_call_of_an_operation_fails_in_the_apis_own_form() {
    let cloud = cloud().await;
    inject(
        &cloud,
        "DescribeVpcs",
        2,
        FaultKind::Status {
            status: 503,
            retry_after: Some(3),
        },
    );
    assert_eq!(cloud.call("DescribeVpcs", &[]).await.status, 200);
    assert_eq!(cloud.call("DescribeSubnets", &[]).await.status, 200);
    cloud
        .call("DescribeVpcs", &[])
        .await
        .assert_error(503, "RequestLimitExceeded", "Request limit exceeded.");
    assert_eq!(cloud.call("DescribeVpcs", &[]).await.status, 200);

    let seen: Vec<_> = cloud
        .recorder
        .calls()
        .into_iter()
        .map(|call| (call.operation, call.status))
        .collect();
    let expected = [
        ("DescribeVpcs", 200),
        ("DescribeSubnets", 200),
        ("DescribeVpcs", 503),
        ("DescribeVpcs", 200),
    ];
    assert_eq!(seen, expected.map(|(name, status)| (name.to_owned(), status)));
    assert!(cloud.recorder.writes().is_empty());
}

#[tokio::test]
async fn a_reset_before_does_nothing_and_a_reset_after_has_acted() {
    let cloud = cloud().await;
    let create = |token: &'static str| {
        let params = [
            ("VpcEndpointType", "Interface"),
            ("VpcId", crate::support::VPC),
            ("ServiceName", cloud.service.name.as_str()),
            ("ClientToken", token),
        ];
        cloud.request(ACCOUNT, REGION, "CreateVpcEndpoint", &params)
    };
    inject(&cloud, "CreateVpcEndpoint", 1, FaultKind::ResetBefore);
    let error = create("t").send().await.unwrap_err();
    assert!(error.is_request(), "{error:?}");
    assert!(cloud.ec2.endpoints().is_empty());

    cloud.recorder.clear_faults();
    inject(&cloud, "CreateVpcEndpoint", 1, FaultKind::ResetAfter);
    assert!(create("t").send().await.is_err());
    assert_eq!(cloud.ec2.endpoints().len(), 1);

    // The retry finds what the lost answer was about.
    assert_eq!(create("t").send().await.unwrap().status(), 200);
    assert_eq!(cloud.ec2.endpoints().len(), 1);
    let seen: Vec<_> = cloud
        .recorder
        .calls()
        .into_iter()
        .map(|call| (call.write, call.status))
        .collect();
    assert_eq!(seen, [(true, 0), (true, 0), (true, 200)]);
}

#[tokio::test]
async fn a_truncated_answer_breaks_off_in_the_middle() {
    let cloud = cloud().await;
    inject(&cloud, "DescribeVpcs", 1, FaultKind::Truncate);
    let response = cloud
        .request(ACCOUNT, REGION, "DescribeVpcs", &[])
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert!(
        response.text().await.is_err(),
        "the length that was announced never came"
    );
}

#[tokio::test]
async fn a_proxys_page_a_foreign_body_and_slowness() {
    let cloud = cloud().await;
    inject(&cloud, "DescribeVpcs", 1, FaultKind::Html { status: 502 });
    inject(&cloud, "DescribeVpcs", 2, FaultKind::Body("<nonsense/>".into()));
    inject(&cloud, "DescribeVpcs", 3, FaultKind::Slow(Duration::from_millis(150)));
    let page = cloud.call("DescribeVpcs", &[]).await;
    assert_eq!(
        (
            page.status,
            page.xml.contains("<center><h1>502 Bad Gateway</h1></center>")
        ),
        (502, true)
    );
    assert_eq!(cloud.call("DescribeVpcs", &[]).await.xml, "<nonsense/>");
    let start = Instant::now();
    assert_eq!(cloud.call("DescribeVpcs", &[]).await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_fault_without_a_number_hits_every_call() {
    let cloud = cloud().await;
    cloud.recorder.inject(Fault {
        api: Api::Ec2,
        operation: None,
        kth: None,
        kind: FaultKind::Status {
            status: 403,
            retry_after: None,
        },
    });
    for action in ["DescribeVpcs", "CreateVpcEndpoint"] {
        cloud
            .call(action, &[])
            .await
            .assert_error(403, "UnauthorizedOperation", "not authorized");
    }
}

#[tokio::test]
async fn a_dropped_server_answers_nobody() {
    let cloud = cloud().await;
    assert_eq!(cloud.call("DescribeVpcs", &[]).await.status, 200);
    let url = cloud.server.url.clone();
    drop(cloud.server);
    let start = Instant::now();
    while cloud.http.get(&url).send().await.is_ok() {
        assert!(start.elapsed() < Duration::from_secs(5), "still served");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
