//! Medians and spread.

/// The middle of some numbers, and the range that holds the middle half of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    /// Of no numbers all zero.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        // The nearest rank: with few rounds, a number that was measured says more than one between two of them.
        let rank = |quarters: usize| {
            let last = sorted.len().saturating_sub(1);
            sorted.get((last * quarters + 2) / 4).copied().unwrap_or_default()
        };
        Self {
            median: rank(2),
            low: rank(1),
            high: rank(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_half_of_nine() {
        let spread = Spread::of([9.0, 1.0, 8.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0]);
        assert_eq!((spread.low, spread.median, spread.high), (3.0, 5.0, 7.0));
    }

    #[test]
    fn one_and_none() {
        let one = Spread::of([4.0]);
        assert_eq!((one.low, one.median, one.high), (4.0, 4.0, 4.0));
        assert_eq!(Spread::of([]), Spread::default());
    }
}
