//! What the local run prints holds no credential: neither the vendors' nor those of functions and assumed roles.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rehearsal::paths;
use simulators::secrets::{AWS_HEADERS, SECRETS, VENDOR_HEADERS};

/// Parent and process group.
fn family(process: &Path) -> Option<(u32, u32)> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    // After the name in parentheses: state, parent, process group.
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(1);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// The credentials that the functions of a local run have in their environments now, and the arguments that its processes have.
fn look(run: u32, credentials: &mut BTreeSet<String>, arguments: &mut String) {
    let processes: Vec<_> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    let emulators: BTreeSet<u32> = processes
        .iter()
        .filter_map(|process| family(process))
        .filter(|(parent, _)| *parent == run)
        .map(|(_, group)| group)
        .collect();
    for process in processes {
        let own = family(&process).is_some_and(|(_, group)| emulators.contains(&group));
        let read = |name: &str| fs::read(process.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if !own {
            continue;
        }
        *arguments += &read("cmdline").unwrap_or_default();
        for variable in read("environ").unwrap_or_default().split('\0') {
            let secret = ["AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN="]
                .iter()
                .find_map(|name| variable.strip_prefix(name));
            credentials.extend(secret.filter(|secret| secret.len() > 20).map(str::to_owned));
        }
    }
}

/// `told`: what may be printed, and is.
fn prints_no_secret(arguments: &[&str], expected: bool, told: &str) {
    let root = paths::workspace_root();
    let dir = tempfile::tempdir().unwrap();
    let (out, err) = (dir.path().join("out"), dir.path().join("err"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_rehearse"))
        .args(arguments)
        .args(["--speed", "120"])
        .current_dir(&root)
        .stdin(Stdio::null())
        .stdout(fs::File::create(&out).unwrap())
        .stderr(fs::File::create(&err).unwrap())
        .spawn()
        .unwrap();
    let (mut credentials, mut of_processes) = (BTreeSet::new(), String::new());
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        look(child.id(), &mut credentials, &mut of_processes);
        std::thread::sleep(Duration::from_millis(100));
    };
    let printed = fs::read_to_string(out).unwrap() + &fs::read_to_string(err).unwrap();
    assert_eq!(status.success(), expected, "{printed}");
    assert!(printed.contains(told), "{told} may be told, and is to be: {printed}");
    assert!(of_processes.contains("bootstrap"), "functions were looked at");
    assert!(
        credentials.len() >= 8,
        "of four functions at least: {}",
        credentials.len()
    );
    let of_worlds = SECRETS.into_iter().chain(VENDOR_HEADERS).chain(AWS_HEADERS);
    credentials.extend(of_worlds.map(str::to_owned));
    for secret in &credentials {
        assert!(!printed.contains(secret), "{secret} is printed: {printed}");
        assert!(!of_processes.contains(secret), "{secret} is an argument");
    }
}

#[test]
fn a_run_that_connects_prints_no_secret() {
    prints_no_secret(
        &[
            "examples/aiven-kafka-second-account.json",
            "--actions",
            "plan,provision,deprovision",
        ],
        true,
        "plw-",
    );
}

#[test]
fn a_run_that_fails_prints_no_secret() {
    prints_no_secret(&["examples/hcp-vault.json", "--scenario", "rejected"], false, "vpce-");
}
