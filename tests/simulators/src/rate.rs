//! The limiter of both vendors: so many requests in a window of one simulated minute.

use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// Counts requests in fixed windows. The vendors document neither window nor scope; a fixed minute is the simplest that
/// yields what was seen on the wire ("try again in 28s").
#[derive(Debug, Clone, Copy, Default)]
pub struct MinuteWindow {
    start: Duration,
    used: u32,
}

impl MinuteWindow {
    /// Takes one request out of `limit`; the error is the whole seconds until the window ends, at least 1.
    pub fn take(&mut self, now: Duration, limit: u32) -> Result<(), u64> {
        if now >= self.start + MINUTE {
            *self = Self { start: now, used: 0 };
        }
        if self.used >= limit {
            let left = (self.start + MINUTE).saturating_sub(now);
            return Err(left.as_secs_f64().ceil().max(1.0) as u64);
        }
        self.used += 1;
        Ok(())
    }
}
