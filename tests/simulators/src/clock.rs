//! Simulated time: the real time since the start, times a speed.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// A clock that starts at zero and runs `speed` times faster than the wall's.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    epoch: Timestamp,
    speed: f64,
}

impl Clock {
    /// `speed` 1.0 is real time; 24.0 lets twelve minutes pass in thirty seconds.
    pub fn new(speed: f64) -> Self {
        Self {
            start: Instant::now(),
            epoch: Timestamp::now(),
            speed,
        }
    }

    /// Simulated time since the start.
    pub fn now(&self) -> Duration {
        self.start.elapsed().mul_f64(self.speed)
    }

    /// How long to really wait for `simulated` to pass.
    pub fn real(&self, simulated: Duration) -> Duration {
        simulated.div_f64(self.speed)
    }

    /// The wall-clock time that the simulated world shows at a simulated moment.
    pub fn timestamp(&self, at: Duration) -> Timestamp {
        self.epoch.checked_add(at).unwrap_or(Timestamp::MAX)
    }
}
