//! Plays the table.

use std::collections::BTreeMap;
use std::time::Duration;

use rehearsal::{Execution, Outcome};
use serde_json::{Value, json};
use simulators::recorder::{Api, Call};

use crate::case::{Case, Ends, Step};
use crate::scene::{Scene, Vendor};
use crate::stage::{Stage, stage};
use crate::{aiven, consumer, hcp};

/// As many environments as the machine plays at once have about the same number of situations each.
const PARTS: usize = 6;

fn all() -> Vec<Case> {
    [aiven::CASES, hcp::CASES, consumer::CASES].concat()
}

#[test]
fn the_table_has_what_was_asked_for() {
    let cases = all();
    assert!(cases.len() >= 40, "{} situations", cases.len());
    let mut names: Vec<_> = cases.iter().map(|c| (c.vendor == Vendor::Hcp, c.name)).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "each has a name of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_situation_first_part() {
    play(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_situation_second_part() {
    play(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_situation_third_part() {
    play(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_situation_fourth_part() {
    play(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_situation_fifth_part() {
    play(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_situation_sixth_part() {
    play(5).await;
}

/// Plays every n-th situation, and tells all that went wrong at the end. `LIFE=words` plays just those whose name has the words.
async fn play(part: usize) {
    let only = std::env::var("LIFE").unwrap_or_default();
    let cases: Vec<Case> = all()
        .into_iter()
        .filter(|case| case.name.contains(&only))
        .enumerate()
        .filter(|(i, _)| i % PARTS == part)
        .map(|(_, case)| case)
        .collect();
    if cases.is_empty() {
        return;
    }
    let stage = stage(|options| {
        let knobs = &mut options.simulators.knobs;
        // Every state is passed through, none for long.
        let short = Duration::from_secs(20);
        knobs.ec2.acceptance = Some(short);
        knobs.ec2.provisioning = short;
        knobs.ec2.deletion = short;
        knobs.hcp.creation = short;
        knobs.hcp.update = short;
        knobs.hcp.deletion = short;
        knobs.aiven.creation = short;
        knobs.aiven.deletion = short;
        knobs.aiven.component_lag = short;
        knobs.aiven.listing_lag = Some(Duration::from_secs(5));
    })
    .await;
    let mut wrong = Vec::new();
    for (case, number) in cases.iter().zip(0_u8..) {
        for (from_start, number) in [(false, 2 * number), (true, 2 * number + 1)] {
            let scene = Scene::new(&stage, case.vendor, number, case.region).await;
            let play = Play {
                case,
                scene,
                wrong: Vec::new(),
            };
            let found = if from_start {
                play.deprovision_at_once().await
            } else {
                play.whole_life().await
            };
            let which = if from_start {
                "deprovision at once"
            } else {
                "whole life"
            };
            wrong.extend(
                found
                    .into_iter()
                    .map(|what| format!("{:?} {} ({which}): {what}", case.vendor, case.name)),
            );
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    stage.close().await;
}

struct Play<'a> {
    case: &'a Case,
    scene: Scene<'a>,
    wrong: Vec<String>,
}

impl Play<'_> {
    fn stage(&self) -> &Stage {
        self.scene.stage
    }

    fn expect<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: T, expected: T) {
        if found != expected {
            self.wrong
                .push(format!("{what}\n     found {found:?}\n  expected {expected:?}"));
        }
    }

    /// Plan, provision, plan again, plan the deprovision, deprovision.
    async fn whole_life(mut self) -> Vec<String> {
        let before = self.arrange().await;
        let (plan, wrote) = self.run("plan", &[]).await;
        self.expect("a plan writes", wrote, Vec::new());
        let Outcome::Succeeded(plan) = plan.outcome else {
            self.wrong.push(format!("the plan failed: {:?}", plan.outcome));
            return self.wrong;
        };
        let planned = calls_of(&plan);
        let (run, wrote) = self.run("provision", &[]).await;
        let expected: Vec<String> = self.case.writes.iter().map(|w| (*w).to_owned()).collect();
        match self.case.ends {
            Ends::Connected => {
                if let Outcome::Failed(failure) = &run.outcome {
                    let message = failure.message();
                    self.wrong
                        .push(format!("the run failed with {}: {message}", failure.error));
                    return self.wrong;
                }
                self.expect("feasible", plan["feasible"].clone(), json!(true));
                self.expect("the writes", wrote.clone(), expected);
                self.expect("the plan against the writes", planned, wrote);
                let (again, wrote) = self.run("plan", &[]).await;
                self.expect("a second plan writes", wrote, Vec::new());
                match again.outcome {
                    Outcome::Succeeded(again) => {
                        self.expect("a second plan lists", calls_of(&again), Vec::new());
                    }
                    Outcome::Failed(failure) => self.wrong.push(format!("the second plan failed: {failure:?}")),
                }
            }
            Ends::Fails(error, words) => {
                self.expect("the writes of a run that is refused", wrote, Vec::new());
                self.expect("feasible", plan["feasible"].clone(), json!(false));
                match &run.outcome {
                    Outcome::Succeeded(_) => self.wrong.push("the run connected".to_owned()),
                    Outcome::Failed(failure) => {
                        let message = failure.message();
                        let right = failure.error == error && words.iter().all(|word| message.contains(word));
                        if !right {
                            self.wrong.push(format!("it failed with {}: {message}", failure.error));
                        }
                        let told = plan["checks"].to_string();
                        if !words.iter().all(|word| told.contains(word)) {
                            self.wrong.push(format!("the plan's checks do not tell it: {told}"));
                        }
                    }
                }
            }
        }
        let (plan, wrote) = self.run("plan", &[("plan_for", json!("deprovision"))]).await;
        self.expect("a plan of a deprovision writes", wrote, Vec::new());
        let planned = match plan.outcome {
            Outcome::Succeeded(plan) => calls_of(&plan),
            Outcome::Failed(failure) => {
                self.wrong
                    .push(format!("the plan of the deprovision failed: {failure:?}"));
                Vec::new()
            }
        };
        let leaves = self.case.leaves;
        let wrote = self.deprovision(leaves, before, false).await;
        self.expect("the plan against the writes of the deprovision", planned, wrote);
        self.wrong
    }

    /// Deprovision from the situation itself, and once more.
    async fn deprovision_at_once(mut self) -> Vec<String> {
        let before = self.arrange().await;
        let leaves = self.case.leaves_at_once.unwrap_or(self.case.leaves);
        self.deprovision(leaves, before, true).await;
        let (again, wrote) = self.run("deprovision", &[]).await;
        self.expect("a second deprovision writes", wrote, Vec::new());
        if let Outcome::Failed(failure) = again.outcome {
            self.wrong.push(format!("the second deprovision failed: {failure:?}"));
        }
        self.wrong
    }

    fn request(&self) -> Value {
        let mut request = self.scene.request();
        (self.case.request)(&self.scene, &mut request);
        request
    }

    async fn deprovision(&mut self, leaves: &[&str], before: BTreeMap<String, String>, at_once: bool) -> Vec<String> {
        // Before the run: EC2 soon forgets an endpoint that a request names.
        let request = self.request();
        let (run, wrote) = self.run("deprovision", &[]).await;
        let output = match &run.outcome {
            Outcome::Succeeded(output) => output.clone(),
            Outcome::Failed(failure) => {
                self.wrong.push(format!(
                    "the deprovision failed: {}: {}",
                    failure.error,
                    failure.message()
                ));
                return wrote;
            }
        };
        let own = self.scene.own().await;
        let leaves: Vec<String> = leaves.iter().map(|l| (*l).to_owned()).collect();
        self.expect(
            &format!("what is left of ours ({})", output["left"]),
            own.clone(),
            leaves,
        );
        let unseen = request["provider"]["secret_id"] != self.scene.secret.as_str();
        self.expect("complete", output["complete"].clone(), json!(!unseen));
        let by_request = request["provider"]["delete_service"] == json!(false);
        let untold = output["left"].as_array().is_none_or(Vec::is_empty);
        let to_tell = own.iter().any(|what| !(by_request && what == "service"));
        if to_tell && untold {
            self.wrong
                .push(format!("{own:?} is left, and the output does not tell it"));
        }
        let mut expected = before;
        let adopted = |name: &str| name.starts_with("endpoint ") && self.case.takes.contains(&"endpoint") && !at_once;
        expected.retain(|name, _| !self.case.takes.contains(&name.as_str()) && !adopted(name));
        let others = self.scene.others().await;
        self.expect("what everybody else has", others, expected);
        wrote
    }

    /// Makes the situation; what everybody else has in it.
    async fn arrange(&mut self) -> BTreeMap<String, String> {
        for step in self.case.arrange {
            match step {
                Step::Provisioned => self.provisioned(|_, _| {}).await,
                Step::ProvisionedWith(change) => self.provisioned(*change).await,
                Step::Deed(deed) => deed(&self.scene),
                Step::ForeignZone => self.scene.zone_by_hand().await,
                Step::ZoneGone => {
                    let zone = self.scene.zones().await.remove(0);
                    self.scene.forget_zone(&zone).await;
                }
                Step::RecordElsewhere => {
                    let host = self.scene.host();
                    let id = self.scene.endpoint_by_hand(|_| {});
                    let target = self.scene.dns_name(&id);
                    self.scene.record_by_hand(&host, Some(&target)).await;
                }
                Step::ExtraRecord => {
                    let name = format!("more.{}", self.scene.host());
                    self.scene.record_by_hand(&name, None).await;
                }
            }
        }
        self.scene.others().await
    }

    async fn provisioned(&mut self, change: fn(&Scene<'_>, &mut Value)) {
        let mut request = self.scene.request();
        change(&self.scene, &mut request);
        let run = self.stage().run(&request).await;
        if let Outcome::Failed(failure) = run.outcome {
            self.wrong.push(format!(
                "the situation could not be made: {}: {}",
                failure.error,
                failure.message()
            ));
        }
    }

    /// Runs an action, and gives the writes of it, sorted.
    async fn run(&self, action: &str, fields: &[(&str, Value)]) -> (Execution, Vec<String>) {
        let mut request = self.request();
        request["action"] = json!(action);
        for (field, value) in fields {
            request[*field] = value.clone();
        }
        let recorder = &self.scene.sims().recorder;
        recorder.clear_calls();
        let run = self.stage().run(&request).await;
        let mut writes: Vec<String> = recorder.writes().iter().filter_map(word_of_call).collect();
        writes.sort();
        (run, writes)
    }
}

/// The calls that a plan lists, sorted.
fn calls_of(plan: &Value) -> Vec<String> {
    let changes = plan["changes"].as_array().into_iter().flatten();
    let mut calls: Vec<String> = changes
        .flat_map(|change| change["calls"].as_array().into_iter().flatten())
        .map(|call| word(call.as_str().unwrap()))
        .collect();
    calls.sort();
    calls
}

fn word_of_call(call: &Call) -> Option<String> {
    match call.api {
        // The register's rows and secrets are nothing that a plan tells.
        Api::AwsJson => None,
        Api::Ec2 | Api::Route53 | Api::Sts => Some(call.operation.clone()),
        // A token is no change, and a refresh asks Aiven to look.
        _ if call.path.ends_with("/oauth2/token") || call.path.ends_with("/refresh") => None,
        Api::Hcp | Api::Aiven => Some(word(&format!("{} {}", call.method, call.path))),
    }
}

/// `PUT …/privatelink/aws` in a word that is the same for every service.
fn word(call: &str) -> String {
    let Some((method, path)) = call.split_once(' ') else {
        return call.to_owned();
    };
    let what = if path.contains("/private-link-services") {
        "link"
    } else if path.ends_with("/privatelink/aws") {
        "privatelink"
    } else {
        "service"
    };
    format!("{method} {what}")
}
