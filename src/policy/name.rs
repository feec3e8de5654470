//! Which artifacts a scope is for. The dialect is that of every glob here: `*` is any text within a segment, `**` as
//! a whole segment is any number of segments, every other character is itself. Brackets, braces, `?`, `!`, `^` and
//! `\` mean something in other dialects and stand in no name, so a pattern with one is refused.
//!
//! Images are compared in their normal form (`docker.io/library/nginx`, lower case, no port 443, no `..`), and a
//! pattern must be written in it.

use super::matcher::{Matcher, PatternError};
use crate::format::oci::{Registry, Repository};
use crate::verify::ArtifactName;

/// What has a meaning in other dialects of globs.
const FOREIGN: [char; 9] = ['[', ']', '{', '}', '?', '!', '^', '\\', ' '];

/// One pattern over names.
#[derive(Debug, Clone)]
pub(super) enum NamePattern {
    Registry(Matcher),
    Repository(Matcher),
    File(Matcher),
}

/// A name in its normal form, written out once for every pattern that it is held against.
pub(super) enum Named<'n> {
    Image { registry: String, repository: String },
    File(&'n str),
}

impl<'n> Named<'n> {
    pub(super) fn of(name: &'n ArtifactName) -> Self {
        match name {
            ArtifactName::Image { repository, .. } => {
                Self::Image { registry: repository.registry().to_string(), repository: repository.to_string() }
            }
            ArtifactName::File(name) => Self::File(name),
        }
    }
}

impl NamePattern {
    /// A registry, `HOST[:PORT]`: exact, or with stars in front of a domain (`*.example.com`).
    pub(super) fn registry(text: &str) -> Result<Self, PatternError> {
        let matcher = pattern(text)?;
        if text.contains('/') {
            return Err(PatternError::Name { text: text.to_owned(), problem: "a registry has no path".to_owned() });
        }
        host(text)?;
        Ok(Self::Registry(matcher))
    }

    /// A repository, `HOST/PATH`.
    pub(super) fn repository(text: &str) -> Result<Self, PatternError> {
        let matcher = pattern(text)?;
        let wrong = |problem: &str| PatternError::Name { text: text.to_owned(), problem: problem.to_owned() };
        if text == "**" {
            return Ok(Self::Repository(matcher));
        }
        let (registry, path) =
            text.split_once('/').ok_or_else(|| wrong("a repository is HOST/PATH; `registries` is for hosts"))?;
        if registry.contains('*') && registry != "*" {
            return Err(wrong("a host has no pattern here; `registries` takes *.DOMAIN"));
        }
        host(registry)?;
        let segment = |segment: &str| {
            let plain = |byte: u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-' | b'*')
            };
            !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(plain)
        };
        if !path.split('/').all(segment) {
            return Err(wrong("no repository has such a path: lower case, no `..`, no empty segment"));
        }
        if !path.contains('*') {
            let normal = Repository::parse(text).map_err(|_| wrong("it is no name of a repository"))?.to_string();
            if normal != text {
                return Err(wrong(&format!("write its normal form, {normal}")));
            }
        }
        Ok(Self::Repository(matcher))
    }

    /// A file's name, without folders.
    pub(super) fn file(text: &str) -> Result<Self, PatternError> {
        if text.contains('/') {
            let problem = "a file is named by the last part of its path".to_owned();
            return Err(PatternError::Name { text: text.to_owned(), problem });
        }
        pattern(text).map(Self::File)
    }

    pub(super) fn is_match(&self, name: &Named<'_>) -> bool {
        match (self, name) {
            (Self::Registry(pattern), Named::Image { registry, .. }) => pattern.is_match(registry),
            (Self::Repository(pattern), Named::Image { repository, .. }) => pattern.is_match(repository),
            (Self::File(pattern), Named::File(name)) => pattern.is_match(name),
            _ => false,
        }
    }

    /// The field of the document, and the pattern.
    pub(super) fn shown(&self) -> (&'static str, &str) {
        match self {
            Self::Registry(pattern) => ("registry", pattern.text()),
            Self::Repository(pattern) => ("repository", pattern.text()),
            Self::File(pattern) => ("file", pattern.text()),
        }
    }
}

fn pattern(text: &str) -> Result<Matcher, PatternError> {
    if let Some(foreign) = text.chars().find(|c| FOREIGN.contains(c) || !c.is_ascii_graphic()) {
        let problem = format!("{foreign:?} has no meaning in these patterns, and no name has it");
        return Err(PatternError::Name { text: text.to_owned(), problem });
    }
    Matcher::any_glob(text)
}

/// A registry in its normal form; a star stands before a whole domain only, so that `ghcr.io*` is no pattern.
fn host(text: &str) -> Result<(), PatternError> {
    let wrong = |problem: String| PatternError::Name { text: text.to_owned(), problem };
    if text == "*" {
        return Ok(());
    }
    let literal = text.rsplit_once('*').map_or(text, |(_, after)| after);
    let domain = if literal.len() == text.len() { Some(text) } else { literal.strip_prefix('.') };
    let domain = domain.ok_or_else(|| wrong("a star stands in front of `.DOMAIN` only".to_owned()))?;
    if text.contains('*') && (text.matches('*').count() > 1 || !text.starts_with("*.") || !domain.contains('.')) {
        return Err(wrong("write *.DOMAIN, with a domain of at least two labels".to_owned()));
    }
    let normal = Registry::parse(domain).map_err(|_| wrong("it is no registry".to_owned()))?.to_string();
    if normal != domain {
        return Err(wrong(format!("write its normal form, {normal}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::oci::ImageRef;

    fn image(text: &str) -> ArtifactName {
        ArtifactName::from(&ImageRef::parse(text).unwrap())
    }

    fn meets(pattern: &NamePattern, name: &ArtifactName) -> bool {
        pattern.is_match(&Named::of(name))
    }

    fn problem(result: Result<NamePattern, PatternError>) -> &'static str {
        result.unwrap_err().code().name()
    }

    #[test]
    fn matches_normal_forms() {
        let acme = NamePattern::repository("ghcr.io/acme/**").unwrap();
        assert!(meets(&acme, &image("ghcr.io/acme/app:v1")) && meets(&acme, &image("GHCR.io:443/acme/a/b")));
        for other in ["ghcr.io.evil/acme/app", "ghcr.io/acme-evil/app", "quay.io/acme/app"] {
            assert!(!meets(&acme, &image(other)), "{other}");
        }
        assert!(!meets(&acme, &ArtifactName::File("app".to_owned())));
        // `/..` never comes so far.
        assert!(ImageRef::parse("ghcr.io/acme/x/../../evil").is_err());
        let nginx = NamePattern::repository("docker.io/library/nginx").unwrap();
        for text in ["nginx", "docker.io/nginx", "index.docker.io/library/nginx:latest"] {
            assert!(meets(&nginx, &image(text)), "{text}");
        }
        let hosts = NamePattern::registry("*.example.com").unwrap();
        assert!(meets(&hosts, &image("eu.example.com/a")) && !meets(&hosts, &image("example.com.evil.org/a")));
        assert!(meets(&NamePattern::file("*.tar.gz").unwrap(), &ArtifactName::file("dist/app.tar.gz")));
    }

    #[test]
    fn a19_one_dialect_of_globs() {
        for text in ["ghcr.io/acme/[!a]", "ghcr.io/acme/[^a]", "ghcr.io/acme/{a,b}", "ghcr.io/acme/?", "ghcr.io/!acme"]
        {
            assert_eq!(problem(NamePattern::repository(text)), "pattern-name", "{text}");
        }
        assert_eq!(problem(NamePattern::file("[!a]*.tar.gz")), "pattern-name");
        // In texts that may hold brackets they are brackets.
        let literal = Matcher::glob("https://x.example/[!a]*").unwrap();
        assert!(literal.is_match("https://x.example/[!a]b") && !literal.is_match("https://x.example/b"));
        assert_eq!(problem(NamePattern::repository("ghcr.io/a**")), "pattern-glob");
    }

    #[test]
    fn only_normal_forms() {
        for text in [
            "nginx",
            "index.docker.io/library/nginx",
            "docker.io/nginx",
            "ghcr.io:443/acme/app",
            "ghcr.io/Acme",
            "ghcr.io/acme/../x",
            "ghcr.io//acme",
            "*.io/acme/app",
            "ghcr.io*/acme",
            "ghcr.io/acme/app:v1",
        ] {
            assert_eq!(problem(NamePattern::repository(text)), "pattern-name", "{text}");
        }
        for text in ["ghcr.io*", "*", "*.com", "GHCR.io", "ghcr.io/acme", "a.*.example.com"] {
            let found = NamePattern::registry(text);
            assert_eq!(found.is_ok(), text == "*", "{text}");
        }
    }
}
