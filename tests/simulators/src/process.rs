//! Finds and kills the process at the other end of a connection of this machine, by `/proc`.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

/// What Lambda calls the program of a custom runtime, and the emulator too.
const FUNCTION: &str = "bootstrap";
/// `/proc/net/tcp`'s word for a connection that is open at both ends.
const ESTABLISHED: &str = "01";

/// Kills the function whose socket this is. Nothing but a function of an emulator is ever killed.
///
/// # Errors
/// When no function has that socket, or it cannot be killed.
pub(crate) fn kill_function(socket: SocketAddr) -> io::Result<()> {
    let missing = || io::Error::new(io::ErrorKind::NotFound, format!("no function has the socket {socket}"));
    let table = fs::read_to_string("/proc/net/tcp")?;
    let inode = inode_of(&table, socket.port()).ok_or_else(missing)?;
    let target = format!("socket:[{inode}]");
    let pid = processes()
        .filter(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim_end() == FUNCTION))
        .find(|pid| has_open(pid, &target))
        .ok_or_else(missing)?;
    let status = Command::new("kill")
        .args(["-s", "KILL", &pid])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() { Ok(()) } else { Err(missing()) }
}

/// The inode of the open socket whose own port this is.
fn inode_of(table: &str, port: u16) -> Option<&str> {
    let own_port = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (columns.get(1)?, columns.get(3)?, columns.get(9)?);
        (local.ends_with(&own_port) && *state == ESTABLISHED).then_some(*inode)
    })
}

fn processes() -> impl Iterator<Item = String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.bytes().all(|b| b.is_ascii_digit()))
}

fn has_open(pid: &str, target: &str) -> bool {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files
        .filter_map(|file| fs::read_link(file.path()).ok())
        .any(|link| link.as_os_str() == target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_gives_the_inode_of_the_port_at_this_end() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 111 1\n\
            1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000 0 222 1\n\
            2: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000 0 333 1\n";
        assert_eq!(inode_of(table, 0xC350), Some("222"));
        assert_eq!(inode_of(table, 0x1F90), Some("333"));
        assert_eq!(inode_of(table, 1), None);
    }

    #[test]
    fn a_process_that_is_no_function_is_never_killed() -> io::Result<()> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        let client = std::net::TcpStream::connect(listener.local_addr()?)?;
        assert!(kill_function(client.local_addr()?).is_err());
        Ok(())
    }
}
