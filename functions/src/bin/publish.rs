//! The Lambda function of the step `publish`.

use functions::runtime::serve_answer;
use functions::steps::publish;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_answer("publish", publish::run).await
}
