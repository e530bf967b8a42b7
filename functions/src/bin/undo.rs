//! The Lambda function of the step `undo`.

use functions::runtime::serve_answer;
use functions::steps::undo;
use shared::settings::PhaseName;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_answer("undo", PhaseName::Undo, undo::run).await
}
