//! The short version of `cargo proof`: a sample of the trials of two situations, always the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proof::rows::{self, Scope};
use proof::scenes::Scene;
use proof::situation::Situation;
use proof::trial::Choice;

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_of_faults_crashes_and_repeats_ends_right() {
    let choice = Choice {
        only: None,
        sample: Some(6),
        threads: 6,
        seed: 1,
        random: 2,
        at_once: 2,
        fuzz: 400,
        progress: false,
    };
    let scope = Scope {
        situations: vec![Situation::AivenNew, Situation::HcpShared],
        scenes: vec![Scene::Register],
    };
    let report = rows::prove(&choice, &scope).await.unwrap();
    assert!(report.is_proven(), "{}", report.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_inputs_and_mutants_end_as_errors_with_a_path() {
    for (only, sample) in [("inputs/", 80), ("fuzz/", usize::MAX)] {
        let choice = Choice {
            only: Some(only.to_owned()),
            sample: Some(sample),
            threads: 6,
            seed: 1,
            random: 0,
            at_once: 0,
            fuzz: 300,
            progress: false,
        };
        let report = rows::prove(&choice, &Scope::of(&choice)).await.unwrap();
        assert!(report.is_proven(), "{}", report.text());
    }
}
