//! The short version of `cargo proof`: a sample of the trials of two situations, always the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proof::rows;
use proof::trial::Choice;
use proof::world::Situation;

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_of_faults_crashes_and_repeats_ends_right() {
    let choice = Choice {
        only: None,
        sample: Some(6),
        threads: 6,
        seed: 1,
        progress: false,
    };
    let report = rows::prove(&choice, &[Situation::AivenNew, Situation::HcpShared])
        .await
        .unwrap();
    assert!(report.is_proven(), "{}", report.text());
}
