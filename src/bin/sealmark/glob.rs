//! Patterns for file names, for callers that quote them: `*` and `?` within a name, `[a-z]` and `[!a-z]`
//! for one character, `**` for any number of folders. Names that start with a dot are matched only by a
//! pattern that does, and bundles (`*.sigstore.json`) only by a pattern that ends so: signing `dist/*`
//! twice does not sign the bundles.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// What marks a bundle beside its file.
pub(crate) const BUNDLE_SUFFIX: &str = ".sigstore.json";

/// Whether `path` is a pattern rather than the name of a file that exists.
pub(crate) fn is_pattern(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains(['*', '?', '['])) && fs::symlink_metadata(path).is_err()
}

/// The regular files that a pattern matches, sorted; folders that cannot be read match nothing.
pub(crate) fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut bases = vec![PathBuf::new()];
    let parts: Vec<_> = pattern.components().collect();
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        bases = match part {
            Component::Normal(name) => {
                let name = name.to_string_lossy();
                let found = bases.iter().flat_map(|base| match name.as_ref() {
                    "**" => folders(base),
                    name if name.contains(['*', '?', '[']) => children(base, name),
                    name => vec![base.join(name)],
                });
                found.filter(|path| last || path.is_dir() || path.as_os_str().is_empty()).collect()
            }
            other => bases.iter().map(|base| base.join(other)).collect(),
        };
    }
    let bundles = pattern.to_string_lossy().ends_with(BUNDLE_SUFFIX);
    bases.retain(|path| path.is_file() && (bundles || !path.to_string_lossy().ends_with(BUNDLE_SUFFIX)));
    bases.sort();
    bases.dedup();
    bases
}

fn children(base: &Path, pattern: &str) -> Vec<PathBuf> {
    let wanted = |name: &str| (pattern.starts_with('.') || !name.starts_with('.')) && matches(pattern, name);
    entries(base)
        .filter(|entry| entry.file_name().to_str().is_some_and(wanted))
        .map(|e| base.join(e.file_name()))
        .collect()
}

/// `base` and every folder below it; links are not followed, so there is no way around in circles.
fn folders(base: &Path) -> Vec<PathBuf> {
    let mut found = vec![base.to_owned()];
    let mut next = 0;
    while let Some(folder) = found.get(next).cloned() {
        next += 1;
        let real = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        let shown = |entry: &fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
        found.extend(entries(&folder).filter(|e| real(e) && shown(e)).map(|e| folder.join(e.file_name())));
    }
    found
}

fn entries(folder: &Path) -> impl Iterator<Item = fs::DirEntry> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::read_dir(folder).into_iter().flatten().flatten()
}

/// Whether `name` fits a pattern for one name, in time linear in both for each star.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<_> = pattern.chars().collect();
    let name: Vec<_> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where the last star stands, and how far it reaches.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match (pattern.get(p), name.get(n)) {
            (Some('*'), _) => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            (Some('?'), Some(_)) => Some(1),
            (Some('['), Some(c)) => class(&pattern[p..], *c),
            (Some(expected), Some(c)) if expected == c => Some(1),
            (None, None) => return true,
            _ => None,
        };
        match (step, star) {
            (Some(width), _) => (p, n) = (p + width, n + 1),
            (None, Some((at, reach))) if reach < name.len() => {
                star = Some((at, reach + 1));
                (p, n) = (at + 1, reach + 1);
            }
            _ => return false,
        }
    }
}

/// The width of the class that `pattern` starts with, when `c` is in it.
fn class(pattern: &[char], c: char) -> Option<usize> {
    let close = pattern.iter().skip(2).position(|c| *c == ']')? + 2;
    let (negated, body) = match pattern.get(1..close)? {
        ['!' | '^', body @ ..] => (true, body),
        body => (false, body),
    };
    let mut within = false;
    let mut rest = body;
    while let [first, tail @ ..] = rest {
        rest = match tail {
            ['-', last, tail @ ..] => {
                within |= (*first..=*last).contains(&c);
                tail
            }
            tail => {
                within |= *first == c;
                tail
            }
        };
    }
    (within != negated).then_some(close + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (pattern, name) in
            [("*", "a"), ("*.gz", "a.tar.gz"), ("a?c", "abc"), ("[a-c]x", "bx"), ("[!a]", "b"), ("a*b*c", "axbxbc")]
        {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("*.gz", "a.zip"), ("a?c", "ac"), ("[a-c]x", "dx"), ("[^a]", "a"), ("[a", "a"), ("", "a")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!(!matches(&"*a".repeat(30), &"a".repeat(29)));
    }

    #[test]
    fn folders_and_bundles() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        fs::create_dir_all(dir.path().join("a/b/.git"))?;
        for name in ["x.gz", "x.gz.sigstore.json", "a/y.gz", "a/b/z.gz", "a/b/.hidden.gz", "a/b/.git/w.gz"] {
            fs::write(dir.path().join(name), "")?;
        }
        let found = |pattern: &str| -> Vec<String> {
            let names = expand(&dir.path().join(pattern));
            names.iter().filter_map(|p| p.strip_prefix(dir.path()).ok()).map(|p| p.display().to_string()).collect()
        };
        assert_eq!(found("*"), ["x.gz"]);
        assert_eq!(found("*.sigstore.json"), ["x.gz.sigstore.json"]);
        assert_eq!(found("**/*.gz"), ["a/b/z.gz", "a/y.gz", "x.gz"]);
        assert_eq!(found("?/*.gz"), ["a/y.gz"]);
        assert_eq!(found("*.zip"), Vec::<String>::new());
        Ok(())
    }
}
