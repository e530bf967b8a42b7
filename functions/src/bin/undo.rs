//! The Lambda function of the step `undo`.

use functions::runtime::serve_answer;
use functions::steps::undo;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_answer("undo", undo::run).await
}
