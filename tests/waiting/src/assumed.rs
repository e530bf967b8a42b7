//! Numbers that no file says, each with where it is from.

use shared::provider::aiven::LOOKS_PER_REFRESH;

/// Billed milliseconds of a warm invocation with one look at remotes on the internet: a few round trips, and little of it CPU.
pub const LOOK_MS: f64 = 300.0;
/// Billed milliseconds of a first start, at the processor share of 128 MB: some 5 ms of a whole core.
pub const INIT_MS: f64 = 100.0;
/// Seconds that a first start takes: the billed ones, and Lambda's own before them.
pub const START_SECONDS: f64 = 0.3;
/// Billed milliseconds of the watch's call to SQS or Step Functions: there and back within the region, and a TLS handshake of 2 million
/// instructions (`docs/cold-starts.md`), of which 128 MB make a fourteenth of a core's.
pub const TELL_MS: f64 = 50.0;
/// Seconds from the end of a message's delay until its function begins. From one message's sending to the next one's by the function
/// that it invokes 0.125 s were measured: <https://github.com/lukehoban/lambdaperf>.
pub const MESSAGE_SECONDS: f64 = 0.2;
/// Send, receive, delete.
pub const REQUESTS_OF_A_MESSAGE: f64 = 3.0;
/// Lambda looks into a queue in which nothing is by so many, each of whom waits so many seconds for a message: "Using Lambda with
/// Amazon SQS".
pub const POLLERS: f64 = 5.0;
pub const LONG_POLL_SECONDS: f64 = 20.0;
/// The longest wait that an invocation waits by itself, where one does. A turn of the state machine is three transitions, whose price
/// is that of 45 seconds of a function of 128 MB.
pub const LONGEST_HELD_WAIT_SECONDS: f64 = 45.0;
/// Of the smallest function there is.
pub const SMALLEST_MB: f64 = 128.0;
/// Seconds that three transitions take.
pub const TURN_SECONDS: f64 = 0.2;
/// Bytes of log of an invocation: its start, end and report in JSON, and one line of ours.
pub const LOG_BYTES: f64 = 1_500.0;
/// What a run writes to the register, in write units of 1 KB; a row with its request and state has some 3 KB, and it is written
/// before and after each outside change. The bill of a recorded run has the real calls.
pub const REGISTER_WRITE_UNITS: f64 = 40.0;
/// Rows read before they are written.
pub const REGISTER_READ_UNITS: f64 = 14.0;
/// A secret is kept in a process for so long (`shared/src/secrets.rs`).
pub const SECRET_SECONDS: f64 = 300.0;
/// Seconds until EC2's notification has gone by SNS to whoever waits.
pub const NOTIFICATION_SECONDS: f64 = 2.0;
/// Between the fallback's looks, where a notification wakes.
pub const FALLBACK_SECONDS: f64 = 300.0;
/// Calls to the vendor of a look that waits for its service: Aiven's is one, HCP's two (services, newest operation). HCP's access is
/// ready at once: one look of two calls, which count nowhere here. A look at acceptance asks EC2 alone.
pub const AIVEN_SERVICE_CALLS: f64 = 1.0;
pub const HCP_SERVICE_CALLS: f64 = 2.0;
/// Calls a minute: a 429 of Aiven's said so in 2021; window and scope are not documented.
pub const AIVEN_CALLS_PER_MINUTE: f64 = 120.0;
/// Calls a minute and organization: a 429 of another HCP service said so; the network service's is not known.
pub const HCP_CALLS_PER_MINUTE: f64 = 200.0;
/// EC2's describe bucket refills by so many a second, for an account and region.
pub const EC2_CALLS_PER_SECOND: f64 = 20.0;
/// Write units of one row of the register.
pub const REGISTER_ROW_UNITS: f64 = 3.0;

/// A look at access is one call to Aiven, but the first, each so many, and one that finds all there are two
/// (`shared/src/provider/aiven/access.rs`): connections and service, service and PrivateLink. `ready`: how many of the looks, the last
/// ones, found all there: the watch's and the step's.
pub fn aiven_access_calls(looks: u32, ready: u32) -> f64 {
    let repeated = ready.saturating_sub(1);
    let looks = looks - repeated;
    let of = |look: u32| {
        if look == 1 || look == looks || look.is_multiple_of(LOOKS_PER_REFRESH) {
            2.0
        } else {
            1.0
        }
    };
    (1..=looks).map(of).sum::<f64>() + 2.0 * f64::from(repeated)
}
