//! The Lambda function of the step `ensure_endpoint`.

use functions::steps::ensure_endpoint::EnsureEndpoint;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    functions::runtime::serve::<EnsureEndpoint>("ensure-endpoint").await
}
