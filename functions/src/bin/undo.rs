//! The Lambda function of the step `undo`.

use functions::runtime::{document, serve_with, to_json};
use functions::steps::undo;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_with("undo", async |context, input| {
        to_json(&undo::run(&context, &document(input)?).await?)
    })
    .await
}
