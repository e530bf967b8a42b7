//! The Lambda function of the step `validate`.

use functions::runtime::{serve_with, to_json};
use functions::steps::validate;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_with("validate", async |context, input| {
        to_json(&validate::run(&context, input).await?)
    })
    .await
}
