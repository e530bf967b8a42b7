//! The Lambda function `register`: list, get, rebuild.

use functions::register::commands;
use functions::runtime::serve_with;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    serve_with("register", async |context, input| commands::run(&context, input).await).await
}
