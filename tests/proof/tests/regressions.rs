//! Random lives that were wrong once, made small: each is played again, and must be right.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proof::lives::life::Life;
use proof::lives::search::replay;
use proof::pool::Pool;
use tokio::sync::Semaphore;

/// Environments at once.
static TURNS: Semaphore = Semaphore::const_new(2);

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions")
}

async fn is_right(name: &str) {
    let _turn = TURNS.acquire().await.unwrap();
    let text = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    let life: Life = serde_json::from_str(&text).unwrap();
    let findings = replay(&Pool::new().await.unwrap(), &life).await.unwrap();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// A test for each file of that name.
macro_rules! regressions {
    ($($(#[$meta:meta])* $name:ident),* $(,)?) => {
        const PINNED: &[&str] = &[$(stringify!($name)),*];
        $(
            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                is_right(stringify!($name)).await;
            }
        )*
    };
}

regressions! {
    /// The request names a group of its own, and the endpoint had to be made again: the workflow's group stayed.
    regression_group_of_an_endpoint_that_is_made_again,
    /// The same with an endpoint that was replaced.
    regression_group_of_an_endpoint_that_is_replaced,
}

#[test]
fn every_pinned_life_is_played() {
    let files = fs::read_dir(folder()).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<String> = files.collect();
    let expected: BTreeSet<String> = PINNED.iter().map(|name| format!("{name}.json")).collect();
    assert_eq!(files, expected);
}
