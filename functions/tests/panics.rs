//! A function that panics tells Lambda so, by the name that the state machine catches, before it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use compare::runtime_api::{Heard, RuntimeApi};
use functions::runtime::serve_with;
use serde_json::json;

/// This program is the function, too: started again, it serves instead of asserting.
const IS_FUNCTION: &str = "AWS_LAMBDA_RUNTIME_API";
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_panic_is_the_error_of_its_invocation_and_the_end_of_the_process() {
    if std::env::var_os(IS_FUNCTION).is_some() {
        serve_with("panics", async |_, input| {
            assert_ne!(input["of"], "seven", "seven is too many");
            Ok(input)
        })
        .await
        .unwrap();
        return;
    }
    let mut api = RuntimeApi::start().await.unwrap();
    let function = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_panic_is_the_error_of_its_invocation_and_the_end_of_the_process",
            "--nocapture",
        ])
        .env(IS_FUNCTION, api.address())
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        .env("AWS_LAMBDA_FUNCTION_NAME", "panics")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut function = Running(function);
    assert!(matches!(api.hear(LIMIT).await, Some(Heard::Next)));
    api.send(&json!({ "of": "six" }));
    assert!(matches!(api.hear(LIMIT).await, Some(Heard::Answer(_))));
    assert!(matches!(api.hear(LIMIT).await, Some(Heard::Next)));
    api.send(&json!({ "of": "seven" }));
    let Some(Heard::Failure(failure)) = api.hear(LIMIT).await else {
        panic!("no error was told");
    };
    assert_eq!(failure["errorType"], "Unexpected");
    let message = failure["errorMessage"].as_str().unwrap();
    assert!(
        message.contains("the function panicked at functions/tests/panics.rs"),
        "{message}"
    );
    assert!(message.contains("seven is too many"), "{message}");
    let (code, log) = function.ended();
    assert_eq!(code, Some(129));
    assert!(log.contains("seven is too many"), "it is in the log: {log}");
    assert!(api.hear(Duration::from_millis(1)).await.is_none(), "it is told once");
}

/// Stopped with the test, however that ends.
struct Running(Child);

impl Running {
    /// Its exit code, and what it wrote to standard error.
    fn ended(&mut self) -> (Option<i32>, String) {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < LIMIT, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut log = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (status.code(), log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
