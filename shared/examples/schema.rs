//! Prints a JSON Schema: `cargo run --example schema > infra/request.schema.json`, and with `-- profile` or `-- events` that of vending
//! profiles or of events.
#![allow(clippy::print_stdout)]

fn main() -> serde_json::Result<()> {
    let text = match std::env::args().nth(1).as_deref() {
        Some("profile") => shared::profile::schema_text()?,
        Some("events") => shared::events::schema_text()?,
        _ => shared::request::schema_text()?,
    };
    print!("{text}");
    Ok(())
}
