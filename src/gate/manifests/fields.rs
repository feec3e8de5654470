//! The fields of manifests that are looked at; what else they have is let be.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ManifestsError;

/// Reads one object.
pub(super) fn read<T: DeserializeOwned>(object: &Value) -> Result<T, ManifestsError> {
    T::deserialize(object).map_err(|error| {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        ManifestsError(format!("{name}: {error}").chars().take(200).collect())
    })
}

/// Metadata of any object.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
}

/// `ValidatingWebhookConfiguration` and `MutatingWebhookConfiguration`.
#[derive(Debug, Deserialize)]
pub(super) struct Configuration {
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) webhooks: Vec<Webhook>,
}

/// One webhook.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Webhook {
    pub(super) name: String,
    client_config: ClientConfig,
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
    pub(super) failure_policy: Option<String>,
    pub(super) match_policy: Option<String>,
    #[serde(default)]
    pub(super) namespace_selector: Selector,
    #[serde(default)]
    pub(super) object_selector: Selector,
    #[serde(default)]
    pub(super) match_conditions: Vec<Value>,
    #[serde(default)]
    pub(super) admission_review_versions: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientConfig {
    service: Option<Service>,
    url: Option<String>,
    ca_bundle: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Service {
    namespace: String,
    path: Option<String>,
}

/// What the API server asks about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    #[serde(default)]
    pub(super) api_groups: Vec<String>,
    #[serde(default)]
    pub(super) api_versions: Vec<String>,
    #[serde(default)]
    pub(super) operations: Vec<String>,
    #[serde(default)]
    pub(super) resources: Vec<String>,
    pub(super) scope: Option<String>,
}

/// A selector of labels; empty, it selects everything.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Selector {
    #[serde(default)]
    pub(super) match_labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) match_expressions: Vec<Expression>,
}

/// A condition on one label.
#[derive(Debug, Deserialize)]
pub(super) struct Expression {
    pub(super) key: String,
    pub(super) operator: String,
    #[serde(default)]
    pub(super) values: Vec<String>,
}

/// A workload that may be a gate.
#[derive(Debug, Deserialize)]
pub(super) struct Deployment {
    pub(super) metadata: Metadata,
    pub(super) spec: DeploymentSpec,
}

#[derive(Debug, Deserialize)]
pub(super) struct DeploymentSpec {
    pub(super) replicas: Option<u32>,
    template: Template,
}

#[derive(Debug, Deserialize)]
struct Template {
    spec: PodSpec,
}

#[derive(Debug, Deserialize)]
struct PodSpec {
    containers: Vec<Container>,
}

#[derive(Debug, Deserialize)]
struct Container {
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    args: Vec<String>,
}

impl Selector {
    pub(super) fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }
}

impl Webhook {
    /// Whether a gate answers it, by the path.
    pub(super) fn is_of_a_gate(&self) -> bool {
        let of_url =
            self.client_config.url.as_deref().and_then(|url| Some(url.split_once("://")?.1.split_once('/')?.1));
        let path = self.client_config.service.as_ref().and_then(|service| service.path.as_deref()).or(of_url);
        matches!(path.map(|path| path.trim_start_matches('/')), Some("validate" | "mutate"))
    }

    /// The namespace that the gate is in.
    pub(super) fn namespace(&self) -> Option<&String> {
        self.client_config.service.as_ref().map(|service| &service.namespace)
    }

    /// Whether the manifest itself says which authority vouches for the gate.
    pub(super) fn has_authority(&self) -> bool {
        self.client_config.ca_bundle.as_deref().is_some_and(|bundle| !bundle.is_empty())
    }
}

impl Deployment {
    /// Whether it runs `gate admission`.
    pub(super) fn is_of_a_gate(&self) -> bool {
        self.spec.template.spec.containers.iter().any(|container| {
            let words: Vec<_> = container.command.iter().chain(&container.args).map(String::as_str).collect();
            words.windows(2).any(|pair| pair == ["gate", "admission"])
        })
    }
}
