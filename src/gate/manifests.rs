//! What the manifests of a gate must say so that it cannot be walked past: which requests the API server asks
//! about, and what it does when nobody answers. Webhooks are known as a gate's by their paths, `/validate` and
//! `/mutate`.
//!
//! Fields: `admissionregistration.k8s.io/v1`, <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/>.

mod fields;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;
use thiserror::Error;

use crate::base::code::Code;
use crate::base::limits;
use fields::{Configuration, Deployment, Rule, Webhook};

/// Why bytes are no manifests.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
#[error("the manifests cannot be read: {0}")]
pub struct ManifestsError(String);

impl ManifestsError {
    /// The stable code.
    pub fn code(&self) -> Code {
        Code::usage(
            "gate-manifests",
            "give what kubectl applies, in YAML or JSON: `helm template`, `kubectl kustomize`",
        )
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hole {
    /// No webhook validates: what comes after the one that pins is kept unseen.
    NotValidated,
    /// What nobody answers about is let in.
    FailsOpen,
    /// Labels, which whoever writes objects or namespaces chooses, leave something out.
    LeftOutByLabel,
    /// An expression leaves something out.
    LeftOutByCondition,
    /// Only chosen namespaces are asked about.
    RestLeftOut,
    /// A namespace is left out that need not be.
    NamespaceLeftOut,
    /// Something that names images is not asked about.
    NotAsked,
    /// Other versions of the same objects are not asked about.
    VersionsLeftOut,
    /// The gate does not speak the version that is asked for.
    ReviewVersion,
    /// The API server has no authority to know the gate by.
    NoAuthority,
    /// One gate whose end stops the cluster.
    OneReplica,
}

impl Hole {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotValidated => "not-validated",
            Self::FailsOpen => "fails-open",
            Self::LeftOutByLabel => "left-out-by-label",
            Self::LeftOutByCondition => "left-out-by-condition",
            Self::RestLeftOut => "rest-left-out",
            Self::NamespaceLeftOut => "namespace-left-out",
            Self::NotAsked => "not-asked",
            Self::VersionsLeftOut => "versions-left-out",
            Self::ReviewVersion => "review-version",
            Self::NoAuthority => "no-authority",
            Self::OneReplica => "one-replica",
        }
    }
}

/// Something that lets a gate be walked past, or stops the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub hole: Hole,
    /// The webhook or object; empty when it is about all of them.
    pub place: String,
    /// What comes of it.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        write!(f, "{}: {}", self.message, self.hole.name())
    }
}

/// What was found of a gate's manifests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The gate's webhooks.
    pub webhooks: usize,
    /// The namespaces that are not asked about, by name.
    pub left_out: BTreeSet<String>,
    /// Everything that is wrong, in the order of the manifests.
    pub findings: Vec<Finding>,
}

/// Namespaces that may be left out beside that of the gate itself: without it the cluster could not heal.
const HEALERS: &str = "kube-system";
/// The one label of a namespace that nobody chooses: the API server sets it to the name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";
/// The annotation by which cert-manager writes an authority into a webhook.
const INJECTOR: &str = "cert-manager.io/inject-ca-from";
/// What must be asked about: resource, operations. Templates need not: their pods are.
const ASKED: &[(&str, &[&str])] = &[("pods", &["CREATE", "UPDATE"]), ("pods/ephemeralcontainers", &["UPDATE"])];

/// Looks at manifests: YAML of one document or several, or JSON. `accepted` are namespaces that may be left out.
pub fn lint(bytes: &[u8], accepted: &[String]) -> Result<Report, ManifestsError> {
    let mut report = Report::default();
    let mut validates = false;
    for object in objects(bytes)? {
        match object.get("kind").and_then(Value::as_str) {
            Some(kind @ ("ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration")) => {
                let configuration: Configuration = fields::read(&object)?;
                for webhook in configuration.webhooks.iter().filter(|webhook| webhook.is_of_a_gate()) {
                    validates |= kind.starts_with("Validating");
                    report.webhooks += 1;
                    report.of_webhook(&configuration, webhook, accepted);
                }
            }
            Some("Deployment") => report.of_deployment(&fields::read(&object)?),
            _ => {}
        }
    }
    if !validates {
        let message = "no ValidatingWebhookConfiguration asks a gate at /validate".to_owned();
        report.findings.push(Finding { hole: Hole::NotValidated, place: String::new(), message });
    }
    Ok(report)
}

/// The objects, those in lists too.
fn objects(bytes: &[u8]) -> Result<Vec<Value>, ManifestsError> {
    if bytes.len() > limits::MANIFESTS_BYTES {
        return Err(ManifestsError("they are too long".to_owned()));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ManifestsError("they are not UTF-8".to_owned()))?;
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| ManifestsError(error.without_snippet().to_string()))?;
    let listed = |document: Value| match (document.get("kind").and_then(Value::as_str), document.get("items")) {
        (Some("List"), Some(Value::Array(items))) => items.clone(),
        _ => vec![document],
    };
    Ok(documents.into_iter().flat_map(listed).collect())
}

impl Report {
    fn of_webhook(&mut self, configuration: &Configuration, webhook: &Webhook, accepted: &[String]) {
        let mut find = |hole, message: String| {
            self.findings.push(Finding { hole, place: webhook.name.clone(), message });
        };
        if webhook.failure_policy.as_deref().unwrap_or("Fail") != "Fail" {
            find(Hole::FailsOpen, "failurePolicy is not Fail: while no gate answers everything is let in".to_owned());
        }
        if !webhook.object_selector.is_empty() {
            find(Hole::LeftOutByLabel, "objectSelector: whoever writes an object chooses its labels".to_owned());
        }
        if !webhook.match_conditions.is_empty() {
            find(Hole::LeftOutByCondition, "matchConditions leave out what they do not match".to_owned());
        }
        if webhook.match_policy.as_deref().unwrap_or("Equivalent") != "Equivalent" {
            find(Hole::VersionsLeftOut, "matchPolicy is not Equivalent: another API version passes unseen".to_owned());
        }
        if !webhook.admission_review_versions.iter().any(|version| version == "v1") {
            find(
                Hole::ReviewVersion,
                "admissionReviewVersions has no v1, which is all that the gate answers".to_owned(),
            );
        }
        if !webhook.has_authority() && !configuration.metadata.annotations.contains_key(INJECTOR) {
            find(Hole::NoAuthority, format!("neither caBundle nor the annotation {INJECTOR}"));
        }
        for (resource, operations) in ASKED {
            for operation in *operations {
                if !webhook.rules.iter().any(|rule| rule.asks(resource, operation)) {
                    find(Hole::NotAsked, format!("no rule has {operation} of {resource} in every namespace"));
                }
            }
        }
        self.of_namespaces(webhook, accepted);
    }

    fn of_namespaces(&mut self, webhook: &Webhook, accepted: &[String]) {
        let mut find = |hole, message: String| {
            self.findings.push(Finding { hole, place: webhook.name.clone(), message });
        };
        let selector = &webhook.namespace_selector;
        for label in selector.match_labels.keys() {
            match label.as_str() {
                NAME_LABEL => find(Hole::RestLeftOut, "namespaceSelector asks about one namespace only".to_owned()),
                label => find(Hole::LeftOutByLabel, format!("namespaceSelector goes by {label}, which editors set")),
            }
        }
        for expression in &selector.match_expressions {
            match (expression.key.as_str(), expression.operator.as_str()) {
                (NAME_LABEL, "NotIn") => {
                    for namespace in &expression.values {
                        let of_gate = webhook.namespace() == Some(namespace);
                        if !of_gate && namespace != HEALERS && !accepted.contains(namespace) {
                            let message = format!("namespace {namespace} is left out, and not by --left-out");
                            find(Hole::NamespaceLeftOut, message);
                        }
                    }
                    self.left_out.extend(expression.values.iter().cloned());
                }
                (NAME_LABEL, "In") => {
                    find(Hole::RestLeftOut, "namespaceSelector asks about chosen namespaces only".to_owned());
                }
                // Every namespace has the label.
                (NAME_LABEL, "Exists") => {}
                (NAME_LABEL, operator) => {
                    find(Hole::RestLeftOut, format!("namespaceSelector with {operator} asks about none"));
                }
                (key, _) => find(Hole::LeftOutByLabel, format!("namespaceSelector goes by {key}, which editors set")),
            }
        }
    }

    fn of_deployment(&mut self, deployment: &Deployment) {
        if deployment.is_of_a_gate() && deployment.spec.replicas.unwrap_or(1) < 2 {
            let message = "one replica: while it restarts nothing can be created".to_owned();
            let place = format!("Deployment {}", deployment.metadata.name);
            self.findings.push(Finding { hole: Hole::OneReplica, place, message });
        }
    }
}

impl Rule {
    /// Whether it asks about an operation on a resource of the core group, wherever it is.
    fn asks(&self, resource: &str, operation: &str) -> bool {
        let has = |list: &[String], wanted: &[&str]| list.iter().any(|item| wanted.contains(&item.as_str()));
        let whole = resource.split_once('/').map(|(whole, _)| format!("{whole}/*"));
        has(&self.api_groups, &["", "*"])
            && has(&self.api_versions, &["v1", "*"])
            && has(&self.operations, &[operation, "*"])
            && (has(&self.resources, &[resource, "*/*"])
                || whole.is_some_and(|whole| has(&self.resources, &[&whole]))
                || (!resource.contains('/') && has(&self.resources, &["*"])))
            && matches!(self.scope.as_deref(), None | Some("*" | "Namespaced"))
    }
}

#[cfg(test)]
mod tests;
