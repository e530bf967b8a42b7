//! Private hosted zones of a scene: what is there, and what people do to them by hand.

use std::fmt::Write as _;

use crate::scene::{ACCOUNT, REGION, Scene, Vendor};

impl Scene<'_> {
    /// The private hosted zones of the world's host.
    pub(crate) async fn zones(&self) -> Vec<HostedZone> {
        if self.vendor == Vendor::Aiven {
            return Vec::new();
        }
        let suffix = format!("{}.private.vault", self.name);
        let xml = self.stage.route53("hostedzone").await;
        let mut zones = Vec::new();
        for text in xml.split("<HostedZone>").skip(1).filter(|text| text.contains(&suffix)) {
            let id = between(text, "<Id>", "</Id>")
                .trim_start_matches("/hostedzone/")
                .to_owned();
            let reference = between(text, "<CallerReference>", "</CallerReference>").to_owned();
            let records = self.stage.route53(&format!("hostedzone/{id}/rrset")).await;
            zones.push(HostedZone { id, reference, records });
        }
        zones
    }

    /// A private zone of the host, made by somebody else.
    pub(crate) async fn zone_by_hand(&self) {
        let body = format!(
            "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>{}</Name><VPC><VPCRegion>{REGION}</VPCRegion>\
             <VPCId>{}</VPCId></VPC><CallerReference>by-hand-{}</CallerReference></CreateHostedZoneRequest>",
            self.host(),
            self.vpc,
            self.name
        );
        self.post("hostedzone", &body).await;
    }

    async fn post(&self, path: &str, body: &str) {
        let body = body.to_owned();
        self.stage
            .call_route53(ACCOUNT, reqwest::Method::POST, path, body)
            .await;
    }

    /// Somebody deletes the zone with what is in it.
    pub(crate) async fn forget_zone(&self, zone: &HostedZone) {
        for set in zone.records.split("<ResourceRecordSet>").skip(1) {
            let set = &set[..set.find("</ResourceRecordSet>").unwrap()];
            if set.contains("<Type>A</Type>") {
                let body = format!(
                    "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change>\
                     <Action>DELETE</Action><ResourceRecordSet>{set}</ResourceRecordSet></Change></Changes></ChangeBatch>\
                     </ChangeResourceRecordSetsRequest>"
                );
                self.post(&format!("hostedzone/{}/rrset", zone.id), &body).await;
            }
        }
        let path = format!("hostedzone/{}", zone.id);
        self.stage
            .call_route53(ACCOUNT, reqwest::Method::DELETE, &path, String::new())
            .await;
    }

    /// The regional DNS name of an endpoint.
    pub(crate) fn dns_name(&self, id: &str) -> String {
        let endpoints = self.sims().ec2.endpoints();
        endpoints.iter().find(|e| e.id == id).unwrap().dns_name.clone()
    }

    /// A record in our zone, by hand: `host` an alias to another name, or another name's A record.
    pub(crate) async fn record_by_hand(&self, name: &str, alias: Option<&str>) {
        let zone = self.zones().await.remove(0).id;
        let mut body = String::from(
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change>\
             <Action>UPSERT</Action><ResourceRecordSet>",
        );
        write!(body, "<Name>{name}</Name><Type>A</Type>").unwrap();
        match alias {
            Some(target) => write!(
                body,
                "<AliasTarget><HostedZoneId>Z0ALIAS</HostedZoneId><DNSName>{target}</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth>\
                 </AliasTarget>"
            ),
            None => write!(
                body,
                "<TTL>60</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords>"
            ),
        }
        .unwrap();
        body.push_str("</ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>");
        self.post(&format!("hostedzone/{zone}/rrset"), &body).await;
    }
}

/// A zone at the emulator.
pub(crate) struct HostedZone {
    pub(crate) id: String,
    pub(crate) reference: String,
    pub(crate) records: String,
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let from = text.find(start).map_or(0, |at| at + start.len());
    let to = text[from..].find(end).map_or(text.len(), |at| from + at);
    &text[from..to]
}
