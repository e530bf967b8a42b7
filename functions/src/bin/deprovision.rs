//! The Lambda function of the step `deprovision`.

use functions::runtime::serve_answer;
use functions::steps::deprovision;
use shared::settings::PhaseName;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_answer("deprovision", PhaseName::Removal, deprovision::run).await
}
