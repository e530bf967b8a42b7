//! The Lambda function that lists what the sweep looks at.

use functions::runtime::{serve_with, to_json};
use functions::sweep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_with("sweep", async |context, input| {
        to_json(&sweep::run(&context, input).await?)
    })
    .await
}
