//! A panic is a defect of the workflow. It is told to Lambda as the error of the invocation, and ends the process.
//!
//! Lambda by itself would say no more than that the runtime exited, and no one could tell from the execution why. Unwinding could
//! tell it, too, but its tables and landing pads are an eighth of every package, so the release profile aborts. Lambda's own runtime
//! for Node.js ends in the same way: it posts what nobody caught, and exits with 129.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::panic::{self, PanicHookInfo};
use std::sync::Mutex;
use std::time::Duration;

use lambda_runtime::Diagnostic;
use shared::{Error, ErrorName};

use crate::runtime::diagnostic;

/// The request id of the invocation that is served; Lambda gives a process one at a time.
static INVOCATION: Mutex<Option<String>> = Mutex::new(None);
/// The Runtime API is on the same machine.
const LIMIT: Duration = Duration::from_secs(2);
const EXIT_CODE: i32 = 129;

/// From now on, panics are told.
pub(crate) fn tell_panics() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        print(info);
        if let Err(error) = tell(info) {
            eprintln!("The panic could not be told to Lambda: {error}.");
        }
        std::process::exit(EXIT_CODE);
    }));
}

/// Panics are now about this invocation.
pub(crate) fn begins(request_id: &str) {
    if let Ok(mut invocation) = INVOCATION.lock() {
        *invocation = Some(request_id.to_owned());
    }
}

fn tell(info: &PanicHookInfo<'_>) -> io::Result<()> {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").map_err(io::Error::other)?;
    // Not `lock`: the panic may have come while it was held.
    let invocation = INVOCATION.try_lock().ok().and_then(|invocation| invocation.clone());
    let id = invocation.ok_or_else(|| io::Error::other("no invocation had begun"))?;
    let body = serde_json::to_string(&told(info))?;
    let mut stream = TcpStream::connect(&api)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    write!(
        stream,
        "POST /2018-06-01/runtime/invocation/{id}/error HTTP/1.1\r\n\
         Host: {api}\r\n\
         Content-Type: application/json\r\n\
         Lambda-Runtime-Function-Error-Type: {}\r\n\
         Content-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        ErrorName::Unexpected.as_str(),
        body.len(),
    )?;
    // It is taken when it is answered.
    let mut status = [0; "HTTP/1.1 202".len()];
    stream.read_exact(&mut status)?;
    if status.ends_with(b"202") {
        Ok(())
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&status).into_owned()))
    }
}

fn told(info: &PanicHookInfo<'_>) -> Diagnostic {
    let text = info.payload_as_str().unwrap_or("no message");
    let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
    diagnostic(Error::unexpected(format!(
        "the function panicked{place} ({text}): this is a defect of the workflow; report it with the execution's ARN."
    )))
}
