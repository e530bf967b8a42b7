//! The Lambda function of the step `publish`.

use functions::runtime::{document, serve_with, to_json};
use functions::steps::publish;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_with("publish", async |context, input| {
        to_json(&publish::run(&context, &document(input)?).await?)
    })
    .await
}
