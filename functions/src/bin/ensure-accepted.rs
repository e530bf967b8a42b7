//! The Lambda function of the step `ensure_accepted`.

use functions::runtime::serve_answer;
use functions::steps::ensure_accepted;
use shared::settings::PhaseName;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_answer("ensure-accepted", PhaseName::Acceptance, ensure_accepted::answer).await
}
