//! The Lambda function of the step `retire`.

use functions::runtime::serve_answer;
use functions::steps::retire;
use shared::settings::PhaseName;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_answer("retire", PhaseName::Retirement, retire::run).await
}
