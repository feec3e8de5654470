//! Globs by segments, taken apart once: `*` is any text without a slash, `**` as a whole segment any number of segments.
//!
//! A match sets nothing aside. Texts are compared by bytes: what stands between stars is whole characters, so that no
//! star takes a part of one.

/// A glob, without its text.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    /// The bytes before the first star and after the last, which every match has: most texts fail there.
    prefix: usize,
    suffix: usize,
    stars: Stars,
}

#[derive(Debug, Clone)]
enum Stars {
    None,
    /// One within a segment: what it takes has no slash, and that is all.
    One,
    Many(Box<[Segment]>),
}

#[derive(Debug, Clone)]
enum Segment {
    /// `**`
    Any,
    Literal(Box<[u8]>),
    Starred(Box<[u8]>),
}

impl Segment {
    fn of(text: &str) -> Self {
        match text {
            "**" => Self::Any,
            text if text.contains('*') => Self::Starred(text.as_bytes().into()),
            text => Self::Literal(text.as_bytes().into()),
        }
    }

    fn is_match(&self, segment: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Literal(text) => text.as_ref() == segment,
            Self::Starred(pattern) => starred(pattern, segment),
        }
    }
}

impl Glob {
    /// Takes a glob apart.
    pub(super) fn of(text: &str) -> Self {
        let stars = match text.bytes().filter(|byte| *byte == b'*').count() {
            0 => Stars::None,
            1 => Stars::One,
            _ => Stars::Many(text.split('/').map(Segment::of).collect()),
        };
        let (prefix, suffix) = literal_ends(text);
        Self { prefix, suffix, stars }
    }

    /// Whether the whole of `text` matches; `own` is the glob's text.
    pub(super) fn is_match(&self, own: &[u8], text: &[u8]) -> bool {
        let ends = own.get(..self.prefix).is_some_and(|prefix| text.starts_with(prefix))
            && own.get(own.len() - self.suffix..).is_some_and(|suffix| text.ends_with(suffix));
        ends && match &self.stars {
            Stars::None => own.len() == text.len(),
            // Where the ends overlap there is nothing between them, and no match.
            Stars::One => {
                let taken = text.get(self.prefix..text.len() - self.suffix);
                taken.is_some_and(|taken| !taken.contains(&b'/'))
            }
            Stars::Many(segments) => segments_match(segments, text),
        }
    }
}

/// `a/**` matches `a` and `**/b` matches `b`: a slash beside `**` belongs to neither end.
fn literal_ends(text: &str) -> (usize, usize) {
    let Some((before, _)) = text.split_once('*') else { return (text.len(), text.len()) };
    let after = text.rsplit_once('*').map_or("", |(_, after)| after);
    let double = |part: &str| part == "**";
    let mut segments = text.split('/');
    let first_star = segments.clone().find(|segment| segment.contains('*')).is_some_and(double);
    let last_star = segments.rfind(|segment| segment.contains('*')).is_some_and(double);
    let prefix = if first_star { before.trim_end_matches('/').len() } else { before.len() };
    let suffix = if last_star { after.trim_start_matches('/').len() } else { after.len() };
    (prefix, suffix)
}

/// The first segment, and what follows its slash.
fn first_segment(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == b'/') {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
        None => (text, None),
    }
}

/// The classic two-pointer walk: no space, and at worst the product of the lengths in time.
fn segments_match(pattern: &[Segment], text: &[u8]) -> bool {
    let (mut next, mut left) = (0, Some(text));
    let mut star: Option<(usize, &[u8])> = None;
    while let Some(rest) = left {
        let (segment, after) = first_segment(rest);
        match pattern.get(next) {
            Some(Segment::Any) => {
                star = Some((next, rest));
                next += 1;
            }
            Some(part) if part.is_match(segment) => {
                next += 1;
                left = after;
            }
            _ => {
                let Some((at, taken)) = star else { return false };
                // The star takes one segment more.
                left = first_segment(taken).1;
                star = left.map(|left| (at, left));
                next = at + 1;
            }
        }
    }
    pattern.iter().skip(next).all(|part| matches!(part, Segment::Any))
}

/// The same within a segment, `*` standing for any text in it.
fn starred(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(part) if part == byte => {
                p += 1;
                t += 1;
            }
            _ => match &mut star {
                Some((at, taken)) => {
                    *taken += 1;
                    p = *at + 1;
                    t = *taken;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|part| *part == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The meaning, as plainly as it can be written.
    fn means(pattern: &[&str], text: &[&str]) -> bool {
        fn within(pattern: &[char], text: &[char]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some(('*', rest)) => (0..=text.len()).any(|taken| within(rest, &text[taken..])),
                Some((c, rest)) => text.first() == Some(c) && within(rest, &text[1..]),
            }
        }
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        match pattern.split_first() {
            None => text.is_empty(),
            Some((&"**", rest)) => (0..=text.len()).any(|taken| means(rest, &text[taken..])),
            Some((part, rest)) => {
                text.first().is_some_and(|first| within(&chars(part), &chars(first))) && means(rest, &text[1..])
            }
        }
    }

    /// Every pattern and every text of up to so many of a few letters, one of two bytes among them.
    fn words(letters: &[&str], longest: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..longest {
            last = last.iter().flat_map(|word| letters.iter().map(move |letter| format!("{word}{letter}"))).collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    #[test]
    fn a_glob_means_what_it_says() {
        let texts = words(&["a", "\u{e9}", "/"], 5);
        for pattern in words(&["a", "\u{e9}", "*", "/"], 5) {
            let segments: Vec<_> = pattern.split('/').collect();
            if pattern.is_empty() || segments.iter().any(|part| part.contains("**") && *part != "**") {
                continue;
            }
            let glob = Glob::of(&pattern);
            for text in &texts {
                let split: Vec<_> = text.split('/').collect();
                let found = glob.is_match(pattern.as_bytes(), text.as_bytes());
                assert_eq!(found, means(&segments, &split), "{pattern:?} {text:?}");
            }
        }
    }
}
