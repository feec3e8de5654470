//! Instants and closed periods, without a clock.

use std::fmt;

/// An instant: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// SCTs count milliseconds; certificates, log entries and timestamps count seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(i64);

const MILLIS_PER_DAY: i64 = 86_400_000;

impl UnixTime {
    /// From whole seconds since the epoch; saturates at the ends of the range.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The instant `seconds` later (earlier when negative); saturates.
    pub const fn plus_secs(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// From a calendar date and time in UTC; `None` when no such moment exists.
    pub fn from_civil(year: i64, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Option<Self> {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days_in_month = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 => 28 + u8::from(leap),
            _ => return None,
        };
        if !(0..=9999).contains(&year) || day == 0 || day > days_in_month || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = days_from_civil(year, i64::from(month), i64::from(day));
        let seconds = days * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        Some(Self::from_secs(seconds))
    }

    /// The UTC calendar date and time: year, month, day, hour, minute, second.
    pub fn civil(self) -> (i64, u8, u8, u8, u8, u8) {
        let (year, month, day) = civil_from_days(self.0.div_euclid(MILLIS_PER_DAY));
        let second = self.0.rem_euclid(MILLIS_PER_DAY) / 1000;
        (year, month, day, (second / 3600) as u8, (second / 60 % 60) as u8, (second % 60) as u8)
    }

    /// Parses RFC 3339 (section 5.6), any offset, fractions of a second kept to the millisecond.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() < 20 || bytes.len() > 40 || !text.is_ascii() {
            return None;
        }
        let number = |range: std::ops::Range<usize>| -> Option<i64> {
            let part = bytes.get(range)?;
            part.iter().all(u8::is_ascii_digit).then_some(())?;
            Some(part.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
        };
        let separators = [(4, b"-"), (7, b"-"), (10, b"T"), (13, b":"), (16, b":")];
        if !separators.iter().all(|(at, c)| bytes.get(*at).map(u8::to_ascii_uppercase) == Some(c[0])) {
            return None;
        }
        let byte = |n: i64| u8::try_from(n).ok();
        let moment = Self::from_civil(
            number(0..4)?,
            byte(number(5..7)?)?,
            byte(number(8..10)?)?,
            byte(number(11..13)?)?,
            byte(number(14..16)?)?,
            byte(number(17..19)?)?,
        )?;
        let mut rest = text.get(19..)?;
        let mut millis = 0;
        if let Some(fraction) = rest.strip_prefix('.') {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return None;
            }
            let (fraction, after) = fraction.split_at(digits);
            millis = fraction.bytes().chain("000".bytes()).take(3).fold(0, |n, d| n * 10 + i64::from(d - b'0'));
            rest = after;
        }
        let offset = match rest.as_bytes() {
            [b'Z' | b'z'] => 0,
            [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
                let start = text.len() - rest.len();
                let (hours, minutes) = (number(start + 1..start + 3)?, number(start + 4..start + 6)?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let seconds = hours * 3600 + minutes * 60;
                if *sign == b'-' { -seconds } else { seconds }
            }
            _ => return None,
        };
        Some(Self(moment.0 + millis - offset * 1000))
    }
}

impl fmt::Display for UnixTime {
    /// RFC 3339 in UTC; milliseconds only when there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, hour, minute, second) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match self.0.rem_euclid(1000) {
            0 => write!(f, "Z"),
            millis => write!(f, ".{millis:03}Z"),
        }
    }
}

/// Days from the epoch to a date of the proleptic Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u8, day as u8)
}

/// A closed period: both ends belong to it. A period without an end is still open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValidityPeriod {
    start: UnixTime,
    end: Option<UnixTime>,
}

impl ValidityPeriod {
    /// A period; `None` when it would end before it starts.
    pub fn new(start: UnixTime, end: Option<UnixTime>) -> Option<Self> {
        end.is_none_or(|end| start <= end).then_some(Self { start, end })
    }

    /// The first instant of the period.
    pub fn start(&self) -> UnixTime {
        self.start
    }

    /// The last instant of the period, if it has one.
    pub fn end(&self) -> Option<UnixTime> {
        self.end
    }

    /// Whether `time` lies within, both ends included.
    pub fn contains(&self, time: UnixTime) -> bool {
        self.start <= time && self.end.is_none_or(|end| time <= end)
    }
}

impl fmt::Display for ValidityPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end {
            Some(end) => write!(f, "{} to {end}", self.start),
            None => write!(f, "from {}", self.start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_round_trip() {
        for seconds in [-62_135_596_800, -1, 0, 951_782_400, 1_700_000_000, 4_102_444_799, 253_402_300_799] {
            let time = UnixTime::from_secs(seconds);
            let (y, mo, d, h, mi, s) = time.civil();
            assert_eq!(UnixTime::from_civil(y, mo, d, h, mi, s), Some(time), "{seconds}");
        }
    }

    #[test]
    fn rfc3339() {
        let at = |text| UnixTime::parse_rfc3339(text).map(UnixTime::millis);
        assert_eq!(at("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(at("2022-12-31T23:59:59.999Z"), Some(1_672_531_199_999));
        assert_eq!(at("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(at("1969-12-31T23:30:00.5-00:30"), Some(500));
        for bad in [
            "",
            "1970-01-01",
            "1970-13-01T00:00:00Z",
            "1970-02-30T00:00:00Z",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T24:00:00Z",
            "+970-01-01T00:00:00Z",
        ] {
            assert_eq!(at(bad), None, "{bad}");
        }
        assert_eq!(UnixTime::from_millis(1_672_531_199_999).to_string(), "2022-12-31T23:59:59.999Z");
    }

    #[test]
    fn periods_are_closed() {
        let (start, end) = (UnixTime::from_secs(10), UnixTime::from_secs(20));
        let period = ValidityPeriod::new(start, Some(end)).unwrap();
        assert!(period.contains(start) && period.contains(end));
        assert!(!period.contains(UnixTime::from_millis(20_001)) && !period.contains(UnixTime::from_millis(9_999)));
        assert_eq!(ValidityPeriod::new(end, Some(start)), None);
    }
}
