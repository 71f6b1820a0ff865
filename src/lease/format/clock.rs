//! Times of the lease formats: `[[DD:]HH:]MM:SS[.ss]`.

use crate::time::Span;

/// Times beyond this many seconds (a thousand years) are errors of typing.
const LONGEST_S: f64 = 31_557_600_000.0;

/// The time that `text` says.
pub(super) fn parse(text: &str) -> Option<Span> {
    let parts: Vec<&str> = text.trim().split(':').collect();
    let (last, wholes) = parts.split_last()?;
    if parts.len() > 4 || last.is_empty() || last.starts_with(['+', '-']) {
        return None;
    }
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let mut seconds = plain(last).then(|| last.parse::<f64>().ok())??;
    let units = [60.0, 3600.0, 86_400.0];
    for (whole, unit) in wholes.iter().rev().zip(units) {
        if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        seconds += whole.parse::<f64>().ok()? * unit;
    }
    (seconds <= LONGEST_S).then(|| Span::from_seconds(seconds))
}

/// `span` as the formats write it: hundredths of a second, and more digits where there are more.
pub(super) fn format(span: Span) -> String {
    let (seconds, micros) = (span.0 / 1_000_000, format!("{:06}", span.0 % 1_000_000));
    let digits = micros.trim_end_matches('0').len().max(2);
    let (days, hours, rest) = (seconds / 86_400, seconds / 3600 % 24, &micros[..digits]);
    let clock = format!("{hours:02}:{:02}:{:02}.{rest}", seconds / 60 % 60, seconds % 60);
    if days > 0 { format!("{days}:{clock}") } else { clock }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_hours_and_minutes_may_be_left_out() {
        let s = |seconds| Some(Span::from_seconds(seconds));
        assert_eq!(parse("1:02:03:04.50"), s(93_784.5));
        assert_eq!(parse("02:03:04"), s(7_384.0));
        assert_eq!(parse("03:04.00"), s(184.0));
        for wrong in ["", "1:", ":1", "-1:00", "1:2:3:4:5", "x", "1e9", "+3", "99999999999:00"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        for text in ["1:02:03:04.50", "00:00:43.00", "00:00:00.000001"] {
            assert_eq!(format(parse(text).expect("it is a time")), text);
        }
    }
}
