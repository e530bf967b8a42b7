//! The Lambda function of the step `deprovision`.

use functions::runtime::serve_answer;
use functions::steps::deprovision;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_answer("deprovision", deprovision::run).await
}
