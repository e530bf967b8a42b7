//! The Lambda function that starts the workflow for an event.

use functions::runtime::{serve_with, to_json};
use functions::vending::start;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_with("start", async |context, event| {
        to_json(&start::run(&context, event).await?)
    })
    .await
}
