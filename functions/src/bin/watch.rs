//! The Lambda function that looks again at what a step waits for.

use functions::runtime::{serve_with, to_json};
use functions::watch;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_with("watch", async |context, event| {
        to_json(&watch::run(context, event).await?)
    })
    .await
}
