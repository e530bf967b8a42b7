//! Mutated requests, and mutated answers of the vendors, EC2 and Secrets Manager, in process: never a panic, never a wait without
//! end, always an error that says something, and nothing secret in it.
//!
//! The samples are the examples, the corpus, and what the simulators answer at that moment.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use functions::ec2::{endpoints, groups, services, subnets, vpc};
use futures_util::FutureExt as _;
use rehearsal::Result;
use serde_json::{Value, json};
use shared::document::AvailableEndpoint;
use shared::events::AccountVended;
use shared::identity::ConnectionId;
use shared::profile::Profile;
use shared::provider::Release;
use shared::request::{self, Input, Request};
use shared::{Error, ErrorName};
use simulators::ec2::Seed;
use simulators::fabric::EndpointState;
use simulators::recorder::Rewrite;
use simulators::secrets::SECRETS;
use simulators::{aiven, hcp};

use super::bad::{examples, settled};
use super::mutation::{Dice, mutated};
use super::served::{Served, secret_answer, validated};
use super::{bad, corpus};
use crate::trial::{Trial, Trials, next_random};
use crate::world::REGION;

/// Cases of a trial.
const BATCH: usize = 100;
/// Real time for one case of calls over HTTP, above the functions' own time-outs.
const TOO_LONG: Duration = Duration::from_secs(90);
/// No message is longer; an execution's cause ends at 32,768.
const LONGEST: usize = 30_000;

/// What is fuzzed.
#[derive(Debug, Clone, Copy)]
enum Target {
    Request,
    Aiven,
    Hcp,
    Ec2,
    Secret,
}

/// So many cases of each target, in trials of a hundred.
pub fn trials(seed: u64, cases: usize) -> Trials {
    let mut trials = Vec::new();
    for (word, target) in [
        ("request", Target::Request),
        ("aiven", Target::Aiven),
        ("hcp", Target::Hcp),
        ("ec2", Target::Ec2),
        ("secret", Target::Secret),
    ] {
        for batch in 0..cases.div_ceil(BATCH) {
            let first = batch * BATCH;
            let count = BATCH.min(cases - first);
            let name = format!("fuzz/{word}/{first}");
            let trial = Trial::new(name, move |_| async move {
                let mut state = seed
                    .wrapping_mul(1_000_003)
                    .wrapping_add(u64::try_from(first).unwrap_or_default());
                settled(play(target, next_random(&mut state), count).await)
            });
            trials.push(trial.of_cases(count));
        }
    }
    Trials {
        row: "fuzzed inputs",
        source: format!(
            "{cases} mutants (--fuzz) each of requests and of the answers of Aiven, HCP, EC2 and Secrets Manager"
        ),
        trials,
    }
}

async fn play(target: Target, seed: u64, count: usize) -> Result<Vec<String>> {
    let seeds = (0..u64::try_from(count).unwrap_or_default()).map(move |n| seed.wrapping_add(n));
    match target {
        Target::Request => tokio::task::spawn_blocking(move || requests(seeds))
            .await
            .map_err(|error| rehearsal::Error::new("fuzzing requests", error))?,
        Target::Aiven | Target::Hcp => vendors(target, seeds).await,
        Target::Ec2 => ec2(seeds).await,
        Target::Secret => secret(seeds).await,
    }
}

/// What is not right about an error.
fn of_error(error: &Error) -> Option<String> {
    let text = format!("{error} {error:?}");
    if error.message.trim().len() < 20 {
        Some(format!("it says nothing: {error}"))
    } else if error.message.chars().count() > LONGEST {
        Some(format!("it has {} characters", error.message.chars().count()))
    } else if text.contains("panicked") {
        Some(format!("it panicked: {error}"))
    } else {
        let shown = SECRETS.iter().find(|secret| text.contains(**secret));
        shown.map(|secret| format!("it shows {secret}"))
    }
}

fn requests(seeds: impl Iterator<Item = u64>) -> Result<Vec<String>> {
    let mut samples: Vec<String> = examples()?
        .into_iter()
        .map(|(_, example)| example.to_string())
        .collect();
    samples.push(json!({"connection_id": "plw-148d2627f8f8d1dd", "action": "plan"}).to_string());
    samples.push(json!({"profile": "orders", "account_id": "111122223333"}).to_string());
    let profile = bad::profile()?.to_string();
    for case in corpus::cases("requests")? {
        samples.push(case.input(&examples()?)?);
    }
    for seed in seeds {
        let mut dice = Dice::new(seed);
        let sample = &samples[dice.below(samples.len())];
        let mutant = if dice.below(5) == 0 {
            mutated(&profile, &mut dice)
        } else {
            mutated(sample, &mut dice)
        };
        let judged = catch_unwind(AssertUnwindSafe(|| one_request(&mutant)));
        let finding = judged.unwrap_or_else(|_| Some("it panicked".to_owned()));
        if let Some(finding) = finding {
            return Ok(vec![format!("{finding}\nseed {seed}: {mutant:.3000}")]);
        }
    }
    Ok(Vec::new())
}

fn one_request(text: &str) -> Option<String> {
    let invalid = |error: &Error| {
        let has_path = error.message.contains("\n/") || error.message.starts_with('/');
        if error.name != ErrorName::InvalidRequest || !has_path {
            return Some(format!("it is no InvalidRequest with a path: {error}"));
        }
        of_error(error)
    };
    if let Some(finding) = Profile::parse("orders", text, "privatelink/")
        .err()
        .and_then(|e| invalid(&e))
    {
        return Some(finding);
    }
    // What is no JSON never starts an execution.
    let document: Value = serde_json::from_str(text).ok()?;
    if let Some(finding) = AccountVended::read(&document).err().and_then(|e| invalid(&e)) {
        return Some(finding);
    }
    match Input::read(document) {
        Err(error) => invalid(&error),
        Ok(Input::Request(document)) => match request::validate(&document, "privatelink/") {
            Err(error) => invalid(&error),
            Ok(request) => again(&request),
        },
        Ok(_) => None,
    }
}

/// What was accepted is accepted again with its defaults, and means the same.
fn again(request: &Request) -> Option<String> {
    let document = json!(request);
    match request::validate(&document, "privatelink/") {
        Ok(second) if second == *request => None,
        Ok(second) => Some(format!("read again it is another: {request:?} and {second:?}")),
        Err(error) => Some(format!("read again it is refused: {error}")),
    }
}

/// Every answer is a mutant of the real one, by a seed that each case sets.
fn mutate_answers(served: &Served) -> Arc<AtomicU64> {
    let seed = Arc::new(AtomicU64::new(0));
    let of_case = Arc::clone(&seed);
    let rewrite = Rewrite::by(move |body| {
        let mut dice = Dice::new(of_case.fetch_add(1 << 32, Ordering::Relaxed));
        // Most answers are right, so that the calls after the first are reached.
        if dice.below(3) == 0 {
            mutated(body, &mut dice)
        } else {
            body.to_owned()
        }
    });
    served.sims.recorder.rewrite_always(Some(rewrite));
    seed
}

async fn vendors(target: Target, seeds: impl Iterator<Item = u64>) -> Result<Vec<String>> {
    let served = Served::start().await?;
    let (which, secret) = match target {
        Target::Hcp => (
            1,
            json!({"client_id": hcp::CLIENT_ID, "client_secret": hcp::CLIENT_SECRET}),
        ),
        _ => (0, json!({"token": aiven::TOKEN})),
    };
    served.secrets_answer(secret_answer(&secret));
    let (_, example) = examples()?.swap_remove(which);
    let request = validated(&example)?;
    let endpoint = AvailableEndpoint {
        endpoint_id: "vpce-0123456789abcdef0".to_owned(),
        dns_entries: Vec::new(),
        network_interface_ids: Vec::new(),
        subnet_ids: Vec::new(),
        security_group_ids: Vec::new(),
    };
    let case_seed = mutate_answers(&served);
    for seed in seeds {
        case_seed.store(seed, Ordering::Relaxed);
        let provider = shared::provider::of(&request, served.reach(&request).await?);
        let release = Release {
            delete_service: true,
            endpoint_ids: vec![endpoint.endpoint_id.clone()],
            ..Release::default()
        };
        let mut errors = Vec::new();
        let calls = async {
            errors.extend(provider.preflight().await.err());
            errors.extend(provider.ensure_service(2).await.err());
            errors.extend(provider.ensure_access(&endpoint, 4, None).await.err());
            errors.extend(provider.ensure_access(&endpoint, 2, Some("plc-1")).await.err());
            errors.extend(provider.service_seen().await.err());
            errors.extend(provider.plan_release(&release).await.err());
            errors.extend(provider.withdraw_access(&release).await.err());
            if seed % 4 == 0 {
                errors.extend(provider.release(&release).await.err());
            }
        };
        let ended = ended(calls).await;
        if let Some(finding) = ended.or_else(|| errors.iter().find_map(of_error)) {
            return Ok(vec![format!("{finding}\nseed {seed}")]);
        }
    }
    Ok(Vec::new())
}

/// Why a case did not end, if it did not.
async fn ended(calls: impl Future<Output = ()>) -> Option<String> {
    match tokio::time::timeout(TOO_LONG, AssertUnwindSafe(calls).catch_unwind()).await {
        Ok(Ok(())) => None,
        Ok(Err(_)) => Some("it panicked".to_owned()),
        Err(_) => Some(format!("it did not end within {} s", TOO_LONG.as_secs())),
    }
}

async fn ec2(seeds: impl Iterator<Item = u64>) -> Result<Vec<String>> {
    let served = Served::start().await?;
    let (_, example) = examples()?.swap_remove(0);
    let request = validated(&example)?;
    let vpc_id = request.consumer.vpc_id.clone().unwrap_or_default();
    let connection = ConnectionId::of(&request, &vpc_id);
    let tag = shared::identity::TAG_CONNECTION.to_owned();
    let id = served.sims.ec2.seed(Seed {
        subnet_ids: request.consumer.subnet_ids.clone(),
        security_group_ids: request.consumer.security_group_ids.clone(),
        tags: [(tag, connection.to_string())].into(),
        ..Seed::of(
            "111122223333",
            REGION,
            &vpc_id,
            "vpce-svc-0fefefefefefefe01",
            EndpointState::Available,
        )
    });
    let service = "com.amazonaws.vpce.eu-west-1.vpce-svc-0fefefefefefefe01";
    let case_seed = mutate_answers(&served);
    let mut by_tags = request.consumer.clone();
    by_tags.subnet_ids.clear();
    for seed in seeds {
        case_seed.store(seed, Ordering::Relaxed);
        let ec2 = served.ec2().await?;
        let consumer = if seed % 2 == 0 { &request.consumer } else { &by_tags };
        let mut errors = Vec::new();
        let calls = async {
            errors.extend(endpoints::find_ours(&ec2, &connection).await.err());
            errors.extend(endpoints::find_of_service(&ec2, service).await.err());
            errors.extend(endpoints::get(&ec2, &id).await.err());
            errors.extend(services::zone_ids(&ec2, service, REGION, REGION).await.err());
            errors.extend(vpc::check_dns(&ec2, consumer, &vpc_id).await.err());
            match vpc::find(&ec2, consumer).await {
                Ok(vpc::Found::One(found)) => {
                    errors.extend(subnets::read(&ec2, consumer, &found).await.err());
                    errors.extend(groups::given::read(&ec2, consumer, &found).await.err());
                }
                Ok(_) => {}
                Err(error) => errors.push(error),
            }
            errors.extend(groups::managed::find(&ec2, &connection).await.err());
            errors.extend(endpoints::delete(&ec2, "vpce-0fffffffffffffff0").await.err());
        };
        let ended = ended(calls).await;
        if let Some(finding) = ended.or_else(|| errors.iter().find_map(of_error)) {
            return Ok(vec![format!("{finding}\nseed {seed}")]);
        }
    }
    Ok(Vec::new())
}

async fn secret(seeds: impl Iterator<Item = u64>) -> Result<Vec<String>> {
    let served = Served::start().await?;
    let (_, example) = examples()?.swap_remove(1);
    let request = validated(&example)?;
    let right = json!({"client_id": hcp::CLIENT_ID, "client_secret": hcp::CLIENT_SECRET});
    for seed in seeds {
        let mut dice = Dice::new(seed);
        let answer = if dice.below(2) == 0 {
            mutated(&secret_answer(&right), &mut dice)
        } else {
            let text = mutated(&right.to_string(), &mut dice);
            let mut answer: Value = serde_json::from_str(&secret_answer(&right)).unwrap_or_default();
            answer["SecretString"] = json!(text);
            answer.to_string()
        };
        served.secrets_answer(answer.clone());
        let provider = shared::provider::of(&request, served.reach(&request).await?);
        let mut error = None;
        let ended = ended(async { error = provider.preflight().await.err() }).await;
        if let Some(finding) = ended.or_else(|| error.as_ref().and_then(of_error)) {
            return Ok(vec![format!("{finding}\nseed {seed}: {answer:.3000}")]);
        }
    }
    Ok(Vec::new())
}
