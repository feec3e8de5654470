//! The field `traceparent`: which trace a request is a part of. <https://www.w3.org/TR/trace-context/#traceparent-header>

use std::fmt;

/// A span elsewhere that a request is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) sampled: bool,
}

impl Parent {
    /// Reads the field; `None` where it says nothing that may be believed, as the recommendation has it.
    pub fn parse(field: &str) -> Option<Self> {
        let mut parts = field.splitn(4, '-');
        let (version, trace, span, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let flags = match version {
            "00" => rest,
            // Later versions may say more after another dash.
            _ => rest.split('-').next()?,
        };
        let hex = |text: &str, digits: usize| {
            let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            (lower && text.len() == digits).then(|| u128::from_str_radix(text, 16).ok()).flatten()
        };
        let version = hex(version, 2).filter(|version| *version != 0xff);
        let trace = hex(trace, 32).filter(|trace| *trace != 0);
        let span = hex(span, 16).filter(|span| *span != 0);
        let flags = hex(flags, 2);
        version?;
        Some(Self { trace: trace?, span: u64::try_from(span?).ok()?, sampled: flags? & 1 == 1 })
    }
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_a_parent_and_what_is_none() {
        let parent = Parent::parse(GOOD).unwrap();
        assert_eq!((parent.trace, parent.sampled), (0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, true));
        assert_eq!(parent.to_string(), GOOD);
        assert!(!Parent::parse(&GOOD.replace("-01", "-00")).unwrap().sampled);
        assert_eq!(Parent::parse(&format!("{}-what-comes-later", GOOD.replacen("00-", "01-", 1))), Some(parent));
        for bad in [
            "",
            "00",
            &GOOD.replacen("00-", "ff-", 1),
            &GOOD.replacen("00-", "0-", 1),
            &format!("{GOOD}-more"),
            &GOOD.to_uppercase(),
            &GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &GOOD.replace("-01", "-1"),
            &GOOD.replace('-', "_"),
        ] {
            assert_eq!(Parent::parse(bad), None, "{bad:?}");
        }
    }
}
