//! The Lambda function of the step `retire`.

use functions::runtime::serve_answer;
use functions::steps::retire;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_answer("retire", retire::run).await
}
