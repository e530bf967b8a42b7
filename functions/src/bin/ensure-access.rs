//! The Lambda function of the step `ensure_access`.

use functions::steps::ensure_access::EnsureAccess;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    functions::runtime::serve::<EnsureAccess>("ensure-access").await
}
