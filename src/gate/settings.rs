//! A gate's settings, version 1, in YAML:
//!
//! ```yaml
//! version: 1
//! policies:                      # files, beside this one
//!   release: release.yaml
//!   everyone: everyone.yaml
//! namespaces:                    # the first entry that names a namespace chooses; none: refused
//!   - names: [payments, team-*]
//!     policy: release
//!   - names: ["*"]
//!     policy: everyone
//!     mode: warn                 # enforce (the default), warn, audit
//! kinds:                         # objects with images that Kubernetes does not bring
//!   - group: argoproj.io
//!     kind: Rollout
//!     pod-spec: spec.template.spec
//! private-registries: [registry.kube-system.svc:5000]
//! break-glass:
//!   - namespace: payments
//!     until: 2026-11-26T18:00:00Z
//!     reason: INC-1234
//! ```
//!
//! Nothing empty means anything, an unknown field is an error. Namespaces are chosen by name and by nothing
//! that lives in the cluster: there is no selector that could fail to be evaluated.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use crate::base::code::Code;
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::policy::Mode;

/// Why a document is not a gate's settings.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// More than [`limits::GATE_SETTINGS_BYTES`], not UTF-8, not YAML, or fields that the document does not have.
    #[error("the gate's settings cannot be read: {0}")]
    Parse(String),
    /// Something that says nothing, or more than is taken.
    #[error("the gate's settings: {what} {problem}")]
    Value {
        /// What.
        what: String,
        /// What is wrong.
        problem: &'static str,
    },
}

impl SettingsError {
    /// The stable code.
    pub fn code(&self) -> Code {
        Code::usage(
            "gate-settings",
            "the manual has the fields of a gate's settings; nothing else is taken, and nothing empty",
        )
    }
}

/// Settings as they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The policies' files, by name.
    pub policies: BTreeMap<String, String>,
    /// Which policy holds where, in order.
    pub namespaces: Vec<NamespaceSettings>,
    /// Kinds beside those of Kubernetes.
    pub kinds: Vec<KindSettings>,
    /// Registries with private addresses that may be asked.
    pub private_registries: Vec<String>,
    /// Where anything is admitted for a while.
    pub break_glass: Vec<BreakGlass>,
}

/// Namespaces and their policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceSettings {
    names: Vec<String>,
    /// The policy's name.
    pub policy: String,
    /// What becomes of an image that the policy does not admit.
    pub mode: Mode,
}

/// What a way leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A pod's spec.
    PodSpec,
    /// An image.
    Image,
}

/// Where objects of a kind name images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindSettings {
    group: String,
    kind: String,
    steps: Vec<String>,
    place: Place,
}

/// Anything is admitted to a namespace until a moment: written down, and never silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlass {
    /// The namespace, exactly.
    pub namespace: String,
    /// The end.
    pub until: UnixTime,
    /// Why, for the journal.
    pub reason: String,
}

impl NamespaceSettings {
    /// The names as they are written.
    pub fn describe(&self) -> String {
        self.names.join(", ")
    }

    /// Whether this entry names a namespace.
    pub fn names(&self, namespace: &str) -> bool {
        self.names.iter().any(|name| match name.strip_suffix('*') {
            Some(start) => namespace.starts_with(start),
            None => namespace == name,
        })
    }
}

impl KindSettings {
    /// Whether it is about a kind.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }

    /// The way from the object's top; `*` stands for every item of a list.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// What the way leads to.
    pub fn place(&self) -> Place {
        self.place
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    version: u64,
    policies: BTreeMap<String, String>,
    namespaces: Vec<DocumentNamespaces>,
    #[serde(default)]
    kinds: Option<Vec<DocumentKind>>,
    #[serde(default)]
    private_registries: Option<Vec<String>>,
    #[serde(default)]
    break_glass: Option<Vec<DocumentBreakGlass>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentNamespaces {
    names: Vec<String>,
    policy: String,
    mode: Option<DocumentMode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum DocumentMode {
    Enforce,
    Warn,
    Audit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DocumentKind {
    group: String,
    kind: String,
    pod_spec: Option<String>,
    image: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentBreakGlass {
    namespace: String,
    until: String,
    reason: String,
}

impl Settings {
    /// One policy for every namespace.
    pub fn of_policy(file: &str) -> Self {
        let names = vec!["*".to_owned()];
        let everywhere = NamespaceSettings { names, policy: "policy".to_owned(), mode: Mode::Enforce };
        Self {
            policies: BTreeMap::from([("policy".to_owned(), file.to_owned())]),
            namespaces: vec![everywhere],
            kinds: Vec::new(),
            private_registries: Vec::new(),
            break_glass: Vec::new(),
        }
    }

    /// Reads the document. A break-glass entry must end within [`limits::BREAK_GLASS_SECS`] of `now`; one that
    /// is over is let be.
    pub fn parse(yaml: &[u8], now: UnixTime) -> Result<Self, SettingsError> {
        if yaml.len() > limits::GATE_SETTINGS_BYTES {
            return Err(SettingsError::Parse("it is too long".to_owned()));
        }
        let text = std::str::from_utf8(yaml).map_err(|_| SettingsError::Parse("it is not UTF-8".to_owned()))?;
        let document: Document =
            serde_saphyr::from_str(text).map_err(|error| SettingsError::Parse(error.without_snippet().to_string()))?;
        document.check(now)
    }

    /// The entry that chooses for a namespace.
    pub fn of_namespace(&self, namespace: &str) -> Option<&NamespaceSettings> {
        self.namespaces.iter().find(|entry| entry.names(namespace))
    }

    /// The break-glass entry that is in force for a namespace.
    pub fn broken_glass(&self, namespace: &str, now: UnixTime) -> Option<&BreakGlass> {
        self.break_glass.iter().find(|entry| entry.namespace == namespace && now < entry.until)
    }
}

fn wrong(what: impl Into<String>, problem: &'static str) -> SettingsError {
    SettingsError::Value { what: what.into(), problem }
}

impl Document {
    fn check(self, now: UnixTime) -> Result<Settings, SettingsError> {
        if self.version != 1 {
            return Err(wrong("version", "is not 1"));
        }
        let kinds = list(self.kinds, "kinds", limits::GATE_KINDS)?;
        let registries = list(self.private_registries, "private-registries", limits::GATE_ENTRIES)?;
        let break_glass = list(self.break_glass, "break-glass", limits::GATE_ENTRIES)?;
        if self.policies.is_empty() || self.policies.len() > limits::GATE_ENTRIES {
            return Err(wrong("policies", "is empty, or too long"));
        }
        if let Some((name, _)) = self.policies.iter().find(|(name, file)| name.is_empty() || file.is_empty()) {
            return Err(wrong(format!("policy {name:?}"), "has no name or no file"));
        }
        let namespaces = list(Some(self.namespaces), "namespaces", limits::GATE_ENTRIES)?;
        let namespaces = namespaces.into_iter().map(|entry| entry.check(&self.policies)).collect::<Result<_, _>>()?;
        if let Some(registry) = registries.iter().find(|registry| registry.is_empty() || registry.contains(['*', '/']))
        {
            return Err(wrong(format!("private registry {registry:?}"), "is not a host with its port"));
        }
        Ok(Settings {
            policies: self.policies,
            namespaces,
            kinds: kinds.into_iter().map(DocumentKind::check).collect::<Result<_, _>>()?,
            private_registries: registries,
            break_glass: break_glass.into_iter().map(|entry| entry.check(now)).collect::<Result<_, _>>()?,
        })
    }
}

/// A list that is absent, or has entries.
fn list<T>(list: Option<Vec<T>>, what: &str, limit: usize) -> Result<Vec<T>, SettingsError> {
    match list {
        None => Ok(Vec::new()),
        Some(list) if list.is_empty() => Err(wrong(what, "is empty: leave it out")),
        Some(list) if list.len() > limit => Err(wrong(what, "has too many entries")),
        Some(list) => Ok(list),
    }
}

impl DocumentNamespaces {
    fn check(self, policies: &BTreeMap<String, String>) -> Result<NamespaceSettings, SettingsError> {
        if !policies.contains_key(&self.policy) {
            return Err(wrong(format!("policy {:?} of a namespace", self.policy), "is not one of the policies"));
        }
        let good = |name: &String| {
            let start = name.strip_suffix('*').unwrap_or(name);
            !name.is_empty() && start.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
        };
        if self.names.is_empty() || !self.names.iter().all(good) {
            return Err(wrong(
                format!("names {:?}", self.names),
                "are not names of namespaces, or their starts with *",
            ));
        }
        let mode = match self.mode {
            None | Some(DocumentMode::Enforce) => Mode::Enforce,
            Some(DocumentMode::Warn) => Mode::Warn,
            Some(DocumentMode::Audit) => Mode::Audit,
        };
        Ok(NamespaceSettings { names: self.names, policy: self.policy, mode })
    }
}

impl DocumentKind {
    fn check(self) -> Result<KindSettings, SettingsError> {
        let (way, place) = match (&self.pod_spec, &self.image) {
            (Some(way), None) => (way, Place::PodSpec),
            (None, Some(way)) => (way, Place::Image),
            _ => return Err(wrong(format!("kind {:?}", self.kind), "has not exactly one of pod-spec and image")),
        };
        let steps: Vec<_> = way.split('.').map(str::to_owned).collect();
        if self.kind.is_empty() || steps.iter().any(String::is_empty) || steps.len() > limits::JSON_DEPTH {
            return Err(wrong(format!("kind {:?}", self.kind), "has no name, or an empty step in its way"));
        }
        Ok(KindSettings { group: self.group, kind: self.kind, steps, place })
    }
}

impl DocumentBreakGlass {
    fn check(self, now: UnixTime) -> Result<BreakGlass, SettingsError> {
        let what = || format!("break-glass for {:?}", self.namespace);
        let until = UnixTime::parse_rfc3339(&self.until)
            .ok_or_else(|| wrong(what(), "has no end like 2026-11-26T18:00:00Z"))?;
        if until > now.plus_secs(limits::BREAK_GLASS_SECS) {
            return Err(wrong(what(), "ends more than a day from now"));
        }
        if self.namespace.is_empty() || self.namespace.contains('*') || self.reason.trim().is_empty() {
            return Err(wrong(what(), "has no reason, or not the name of one namespace"));
        }
        Ok(BreakGlass { namespace: self.namespace, until, reason: self.reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_790_000_000);
    const GOOD: &str = "version: 1\npolicies:\n  release: release.yaml\n  everyone: everyone.yaml\nnamespaces:\n  - names: [payments, team-*]\n    policy: release\n  - names: [\"*\"]\n    policy: everyone\nkinds:\n  - group: argoproj.io\n    kind: Rollout\n    pod-spec: spec.template.spec\nprivate-registries: [\"registry.kube-system.svc:5000\"]\nbreak-glass:\n  - namespace: payments\n    until: 2026-09-21T18:00:00Z\n    reason: INC-1\n";

    fn parse(yaml: &str) -> Result<Settings, SettingsError> {
        Settings::parse(yaml.as_bytes(), NOW)
    }

    #[test]
    fn the_first_entry_that_names_a_namespace_chooses() {
        let settings = parse(GOOD).unwrap();
        for (namespace, policy) in [
            ("payments", "release"),
            ("team-a", "release"),
            ("payments-evil", "everyone"),
            ("my-team-a", "everyone"),
            ("", "everyone"),
        ] {
            assert_eq!(settings.of_namespace(namespace).unwrap().policy, policy, "{namespace}");
        }
        let without = GOOD.replace("  - names: [\"*\"]\n    policy: everyone\n", "");
        assert_eq!(parse(&without).unwrap().of_namespace("other"), None);
    }

    #[test]
    fn break_glass_is_for_one_namespace_and_ends() {
        let settings = parse(GOOD).unwrap();
        let until = settings.break_glass[0].until;
        assert!(settings.broken_glass("payments", NOW).is_some());
        assert!(settings.broken_glass("payments", until).is_none());
        assert!(settings.broken_glass("payments-2", NOW).is_none());
        assert!(settings.broken_glass("", NOW).is_none());
    }

    #[test]
    fn nothing_empty_means_anything() {
        for (from, to) in [
            ("version: 1", "version: 2"),
            ("version: 1", "version: 1\nversion: 1"),
            ("kinds:", "kindz:"),
            ("[payments, team-*]", "[]"),
            ("[payments, team-*]", "['']"),
            ("[payments, team-*]", "[Payments]"),
            ("[payments, team-*]", "['*-team']"),
            ("policy: release\n", "policy: strict\n"),
            ("policy: release\n", "policy: release\n    mode: off\n"),
            ("  release: release.yaml", "  release: ''"),
            ("pod-spec: spec.template.spec", "pod-spec: spec..spec"),
            ("pod-spec: spec.template.spec", "pod-spec: spec\n    image: spec.image"),
            ("    pod-spec: spec.template.spec\n", ""),
            ("[\"registry.kube-system.svc:5000\"]", "[]"),
            ("[\"registry.kube-system.svc:5000\"]", "['*']"),
            ("2026-09-21T18:00:00Z", "2026-09-23T18:00:00Z"),
            ("2026-09-21T18:00:00Z", "tomorrow"),
            ("reason: INC-1", "reason: ' '"),
            ("namespace: payments\n", "namespace: '*'\n"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let error = parse(&GOOD.replacen(from, to, 1)).expect_err(to);
            assert_eq!(error.code().name(), "gate-settings");
        }
        assert!(parse(&"x".repeat(limits::GATE_SETTINGS_BYTES + 1)).is_err());
    }
}
