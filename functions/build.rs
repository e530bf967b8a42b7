//! How the functions are linked where they are deployed.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=discard-unwind-tables.ld");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|actual| actual == value);
    // Only the release profile aborts, and only for deployment is it built with musl.
    if is("CARGO_CFG_TARGET_ENV", "musl") && is("PROFILE", "release") {
        let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        // The tables for unwinding and their index, which nobody reads there: 0.15 MB of each zip.
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/discard-unwind-tables.ld");
        println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
    }
}
