//! How long the clouds take for each phase, in several tempers: the schedule was made for the first.

use shared::settings::PhaseName;

/// The phases that wait for a cloud.
pub const PHASES: [PhaseName; 4] = [
    PhaseName::Service,
    PhaseName::Acceptance,
    PhaseName::Access,
    PhaseName::Removal,
];
/// Phases of making a connection; the last of [`PHASES`] is of taking it away.
pub const MAKING: usize = 3;

/// Seconds from and to. A vendor makes its service in "up to a few minutes", accepts in "5 to 10 minutes", and opens its components
/// in "a couple of minutes"; EC2 deletes an endpoint in one to three.
const MADE_FOR: [(f64, f64); 4] = [(60.0, 300.0), (300.0, 600.0), (60.0, 180.0), (60.0, 180.0)];
const STRAGGLERS: f64 = 0.1;
/// A straggler takes at most so many times as long; more would use up the phase's budget.
const STRAGGLES_AT_MOST: f64 = 4.5;

/// A temper of the clouds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temper {
    MadeFor,
    TwiceAsFast,
    Slower,
    Stragglers,
    Bimodal,
}

impl Temper {
    pub const ALL: [Self; 5] = [
        Self::MadeFor,
        Self::TwiceAsFast,
        Self::Slower,
        Self::Stragglers,
        Self::Bimodal,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::MadeFor => "made for",
            Self::TwiceAsFast => "twice as fast",
            Self::Slower => "1.5 x slower",
            Self::Stragglers => "stragglers",
            Self::Bimodal => "bimodal",
        }
    }

    /// Seconds that a phase, by its place in [`PHASES`], takes.
    pub fn draw(self, phase: usize, random: &mut Random) -> f64 {
        let (from, to) = MADE_FOR.get(phase).copied().unwrap_or_default();
        let even = from + (to - from) * random.unit();
        match self {
            Self::MadeFor => even,
            Self::TwiceAsFast => even / 2.0,
            Self::Slower => even * 1.5,
            Self::Stragglers if random.unit() < STRAGGLERS => {
                // Pareto's, of shape 1.5: a third of them take more than twice as long.
                even * (1.0 - random.unit()).powf(-1.0 / 1.5).min(STRAGGLES_AT_MOST)
            }
            Self::Stragglers => even,
            // Half of the runs within the first tenth of the range, half within the last.
            Self::Bimodal => {
                let start = if random.unit() < 0.5 { 0.0 } else { 0.9 };
                from + (to - from) * (start + 0.1 * random.unit())
            }
        }
    }
}

/// SplitMix64: the same seed draws the same everywhere.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to below 1.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
