//! A number as it is written: the digits say how exact it is meant to be.

/// A number and half a unit of its last digit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stated {
    pub value: f64,
    half: f64,
    /// The power of ten of its last digit.
    power: i32,
    whole: bool,
}

/// Whole numbers are meant as exact as two decimals: nobody rounds a coverage of 0.6 to 1.
const WHOLE: f64 = 0.005;

impl Stated {
    /// Reads a number; a minus may be the typographic one.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim().replace('\u{2212}', "-").replace('_', "");
        let value: f64 = text.parse().ok().filter(|value: &f64| value.is_finite())?;
        let lower = text.to_ascii_lowercase();
        let (digits, power) = lower.split_once('e').unwrap_or((&lower, "0"));
        let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let power = power.parse::<i32>().ok()?.checked_sub(i32::try_from(decimals).ok()?)?;
        let whole = power == 0;
        Some(Self { value, half: if whole { WHOLE } else { 10_f64.powi(power) / 2.0 }, power, whole })
    }

    /// The same as a part of a hundred.
    pub fn percent(self) -> Self {
        let half = if self.whole { self.half } else { self.half / 100.0 };
        let power = self.power.saturating_sub(2);
        // The nearest to the digits that are written: a division may end beside it.
        let decimals = usize::try_from(power.saturating_neg()).unwrap_or(0);
        let value = if (-40..0).contains(&power) {
            format!("{:.decimals$}", self.value / 100.0).parse().ok()
        } else {
            None
        };
        Self { value: value.unwrap_or(self.value / 100.0), half, power, ..self }
    }

    /// Whether `stored` would be written like this.
    pub fn fits(self, stored: f64) -> bool {
        // What is stored may be a float32.
        (stored - self.value).abs() <= self.half + 1e-7 * self.value.abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_the_tolerance() {
        let fits = |text: &str, stored| Stated::read(text).is_some_and(|stated| stated.fits(stored));
        assert!(fits("-0.832", -0.832_04) && !fits("-0.8321", -0.832_04));
        assert!(fits("\u{2212}0.83", -0.8347) && !fits("-0.83", -0.8353));
        assert!(fits("1", 0.9990) && !fits("1", 0.97));
        assert!(fits("8.6e-3", 0.008_583) && !fits("8.60e-3", 0.008_583));
        assert!(!fits("nan", f64::NAN) && Stated::read("0x1").is_none());
    }

    #[test]
    fn percents_are_parts_of_a_hundred() {
        let stated = |text| Stated::read(text).map(Stated::percent);
        for (text, value) in [("99.9", 0.999), ("97.10", 0.971), ("0.07", 0.0007), ("1e2", 1.0), ("7", 0.07)]
        {
            assert_eq!(stated(text).map(|one| one.value), Some(value), "{text}");
        }
        assert!(stated("97.1").is_some_and(|one| one.fits(0.9710) && !one.fits(0.9716)));
        assert!(stated("97.10").is_some_and(|one| one.fits(0.9710) && !one.fits(0.9712)));
        assert!(stated("100").is_some_and(|one| one.fits(0.9990) && !one.fits(0.9710)));
    }
}
