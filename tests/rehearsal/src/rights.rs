//! What the emulator wrote down of the rights of the state machines' roles, see `machine_rights.py`.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;
use simulators::rights::{Use, logical_id};

use crate::{Error, Result};

/// Of all state machines.
#[derive(Debug, Default)]
pub(crate) struct OfMachines {
    pub(crate) used: Vec<Use>,
    pub(crate) denied: Vec<String>,
}

pub(crate) fn of_machines(log: &Path) -> Result<OfMachines> {
    let failed = |error: &dyn std::fmt::Display| Error::new(format!("reading {}", log.display()), error);
    let text = match fs::read_to_string(log) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(OfMachines::default()),
        other => other.map_err(|error| failed(&error))?,
    };
    let mut found = OfMachines::default();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).map_err(|error| failed(&error))?;
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        match line["denied"].as_str() {
            Some(denied) => found.denied.push(denied.to_owned()),
            None => found.used.push(Use {
                role: logical_id(&text("role")),
                sid: text("sid"),
                action: text("action"),
            }),
        }
    }
    Ok(found)
}
