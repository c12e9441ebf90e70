//! Numbers in sentences.

/// A number with four decimals, or fewer if they are zeros; small ones by their digits.
pub(super) fn short(value: f64) -> String {
    digits(value, 4)
}

/// Two numbers with as many decimals as it takes to tell them apart.
pub(super) fn pair(one: f64, other: f64) -> (String, String) {
    for decimals in 4..=9 {
        let (first, second) = (digits(one, decimals), digits(other, decimals));
        if first != second {
            return (first, second);
        }
    }
    (format!("{one:?}"), format!("{other:?}"))
}

fn digits(value: f64, decimals: usize) -> String {
    if value != 0.0 && (value.abs() < 0.001 || value.abs() >= 1e9) {
        return format!("{value:.prec$e}", prec = decimals.saturating_sub(2));
    }
    let text = format!("{value:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `one file`, `3 files`.
pub(super) fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("one {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_differ_where_they_do() {
        assert_eq!([short(1.0), short(-0.832_06), short(0.000_05)], ["1", "-0.8321", "5.00e-5"]);
        assert_eq!(pair(-0.832_04, -0.832_01), ("-0.83204".into(), "-0.83201".into()));
        assert_eq!([count(1, "file"), count(3, "file")], ["one file", "3 files"]);
    }
}
