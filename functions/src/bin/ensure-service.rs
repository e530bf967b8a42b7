//! The Lambda function of the step `ensure_service`.

use functions::steps::ensure_service::EnsureService;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    functions::runtime::serve::<EnsureService>("ensure-service").await
}
