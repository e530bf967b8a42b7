//! Private hosted zones at the emulator, past what records.

use std::sync::OnceLock;

use rehearsal::{Environment, Error, Result};
use reqwest::{Client, Method};

use crate::world::REGION;

/// One for all calls: each reads the machine's certificates when it is made.
static CLIENT: OnceLock<Client> = OnceLock::new();

/// A zone with its records.
pub(crate) struct HostedZone {
    pub(crate) id: String,
    reference: String,
    /// As Route 53 lists them.
    pub(crate) records: String,
}

impl HostedZone {
    /// The workflow made it.
    pub(crate) fn is_ours(&self) -> bool {
        self.reference.starts_with("plw-")
    }

    /// Without the two that every zone has.
    pub(crate) fn record_count(&self) -> usize {
        let sets = self.records.split("<ResourceRecordSet>").skip(1);
        sets.filter(|set| !set.contains("<Type>NS</Type>") && !set.contains("<Type>SOA</Type>"))
            .count()
    }
}

/// The zones whose description has what is looked for.
pub(crate) async fn list(
    environment: &Environment,
    account: &str,
    which: impl Fn(&str) -> bool,
) -> Result<Vec<HostedZone>> {
    let mut zones = Vec::new();
    let mut marker = String::new();
    loop {
        let xml = call(
            environment,
            account,
            Method::GET,
            &format!("hostedzone?maxitems=100{marker}"),
            String::new(),
        )
        .await?;
        for text in xml.split("<HostedZone>").skip(1).filter(|text| which(text)) {
            let id = between(text, "<Id>", "</Id>")
                .trim_start_matches("/hostedzone/")
                .to_owned();
            let reference = between(text, "<CallerReference>", "</CallerReference>").to_owned();
            let records = call(
                environment,
                account,
                Method::GET,
                &format!("hostedzone/{id}/rrset"),
                String::new(),
            )
            .await?;
            zones.push(HostedZone { id, reference, records });
        }
        match between(&xml, "<NextMarker>", "</NextMarker>") {
            "" => return Ok(zones),
            next if xml.contains("<IsTruncated>true") => marker = format!("&marker={next}"),
            _ => return Ok(zones),
        }
    }
}

/// A private zone that somebody makes by hand.
pub(crate) async fn create(environment: &Environment, account: &str, name: &str, vpc: &str) -> Result<()> {
    let body = format!(
        "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>{name}</Name><VPC><VPCRegion>{REGION}</VPCRegion>\
         <VPCId>{vpc}</VPCId></VPC><CallerReference>by-hand-{name}</CallerReference></CreateHostedZoneRequest>"
    );
    call(environment, account, Method::POST, "hostedzone", body)
        .await
        .map(drop)
}

async fn call(environment: &Environment, account: &str, method: Method, path: &str, body: String) -> Result<String> {
    let failed = |error: reqwest::Error| Error::new("calling the emulator's Route 53", error);
    // The emulator takes an access key of twelve digits for the account.
    let scope = format!("Credential={account}/20260101/us-east-1/route53/aws4_request");
    let client = match CLIENT.get() {
        Some(client) => client,
        None => {
            let client = Client::builder().no_proxy().build().map_err(failed)?;
            CLIENT.get_or_init(|| client)
        }
    };
    let answer = client
        .request(method, format!("{}/2013-04-01/{path}", environment.emulator.url))
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"),
        )
        .body(body)
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .map_err(failed)?;
    answer.text().await.map_err(failed)
}

/// Empty where the text has no such part.
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let Some((_, after)) = text.split_once(start) else {
        return "";
    };
    after.split_once(end).map_or("", |(inside, _)| inside)
}
