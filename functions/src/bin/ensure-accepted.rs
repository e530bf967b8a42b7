//! The Lambda function of the step `ensure_accepted`.

use functions::steps::ensure_accepted::EnsureAccepted;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    functions::runtime::serve::<EnsureAccepted>("ensure-accepted").await
}
