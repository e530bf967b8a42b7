//! The Lambda function of the step `preflight`.

use functions::steps::preflight::Preflight;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    functions::runtime::serve::<Preflight>("preflight").await
}
