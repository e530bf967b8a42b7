//! Prints the README's picture: `cargo run --example picture`.
#![allow(clippy::print_stdout)]

fn main() -> serde_json::Result<()> {
    let definition = serde_json::from_str(include_str!("../../../infra/workflow.asl.json"))?;
    print!("{}", workflow::picture::mermaid(&definition));
    Ok(())
}
