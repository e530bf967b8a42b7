//! The Lambda function of the step `publish`.

use functions::runtime::serve_answer;
use functions::steps::publish;
use shared::settings::PhaseName;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_answer("publish", PhaseName::Publish, publish::run).await
}
