//! What calls of Route 53 need.

use axum::body::Bytes;
use http::request::Parts;

use super::asked::{Asked, asked, plain};
use super::policy::Context;

pub(super) fn of_call(operation: &str, parts: &Parts, body: &Bytes) -> Result<Vec<Asked>, String> {
    let action = format!("route53:{operation}");
    // /2013-04-01/hostedzone/<id>…
    let id = parts.uri.path().split('/').nth(3).unwrap_or_default();
    let zone = format!("arn:aws:route53:::hostedzone/{id}");
    let body = String::from_utf8_lossy(body);
    Ok(match operation {
        "ListHostedZones" => vec![plain(action)],
        // With its dependent action, as the reference has it.
        "ListHostedZonesByVPC" => vec![plain(action), plain("ec2:DescribeVpcs")],
        "CreateHostedZone" => {
            let vpcs = values(&body, "VPCId");
            let context = Context::from([("route53:VPCs".to_owned(), vpcs)]);
            let mut all = vec![asked(action, "*", context), plain("ec2:DescribeVpcs")];
            // In no reference: without it Route 53 refuses the VPC of a new private zone.
            all.push(plain("ec2:DescribeRegions"));
            all
        }
        "GetHostedZone" | "DeleteHostedZone" | "ListResourceRecordSets" => vec![asked(action, zone, Context::new())],
        "ChangeResourceRecordSets" => {
            let mut context = Context::new();
            for (key, element) in [("RecordTypes", "Type"), ("Actions", "Action")] {
                let key = format!("route53:ChangeResourceRecordSets{key}");
                context.insert(key, values(&body, element));
            }
            // Normalized: lower case, without the dot at the end.
            let names = values(&body, "Name").into_iter();
            let names = names.map(|name| name.to_ascii_lowercase().trim_end_matches('.').to_owned());
            let key = "route53:ChangeResourceRecordSetsNormalizedRecordNames".to_owned();
            context.insert(key, names.collect());
            vec![asked(action, zone, context)]
        }
        _ => return Err(format!("{action} is not known here")),
    })
}

/// The text of each element of a name.
fn values(xml: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let parts = xml.split(open.as_str()).skip(1);
    parts
        .filter_map(|part| part.split_once(close.as_str()))
        .map(|(value, _)| value.trim().to_owned())
        .collect()
}
