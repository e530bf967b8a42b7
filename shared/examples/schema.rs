//! Prints the JSON Schema of a request: `cargo run -p shared --example schema > infra/request.schema.json`.
#![allow(clippy::print_stdout)]

fn main() -> serde_json::Result<()> {
    print!("{}", shared::request::schema_text()?);
    Ok(())
}
