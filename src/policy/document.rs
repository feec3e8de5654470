//! The policy document, version 1, in YAML. The smallest one is a list of rules, each for every artifact:
//!
//! ```yaml
//! version: 1
//! rules:
//!   - name: release
//!     identity-glob: https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*
//!     issuer: https://token.actions.githubusercontent.com
//!     claims:
//!       source-repository-identifier: "1234"
//! ```
//!
//! A signer is one of `identity`, `identity-glob`, `identity-regex`, or `claims` (values are globs), or both; and
//! `issuer` (or `issuer-glob`, `issuer-regex`), or `certificate-authority`; or it is a `key`. A rule is one signer, or
//! has `signers` with `any`, `all` or `at-least` and `of`. With `scopes`, rules stand in scopes only, and what no scope
//! names is refused. Nothing empty means anything. [`SCHEMA`] describes every field.

mod error;
mod parts;
mod rules;
mod yaml;

use super::name::NamePattern;
use super::scope::Scope;
use super::{Distrust, Mode, Policy};
use crate::base::limits;

pub use error::{Place, PolicyError};
pub(super) use rules::KeyFiles;
pub(super) use yaml::{Node, Value};

/// The JSON Schema (draft 2020-12) of the document, for editors.
pub const SCHEMA: &str = include_str!("document/schema.json");

const DOCUMENT: &[&str] = &["version", "mode", "rules", "scopes", "deny", "distrust", "witnesses"];
const SCOPE: &[&str] = &["name", "registries", "repositories", "files", "mode", "rules"];

pub(super) fn parse(yaml: &[u8], key_file: KeyFiles<'_>) -> Result<Policy, PolicyError> {
    let node = Node::parse(yaml)?;
    let fields = node.fields("a policy", DOCUMENT)?;
    match &fields.require("version")?.value {
        Value::Number(1) => {}
        Value::Number(other) => return Err(PolicyError::Version(*other)),
        _ => return Err(fields.require("version")?.wrong("`version` is a number")),
    }
    let mode = fields.take("mode").map_or(Ok(Mode::Enforce), parts::mode)?;
    let mut budget = limits::POLICY_RULES;
    let mut scopes = match (fields.take("rules"), fields.take("scopes")) {
        (Some(rules), None) => vec![unscoped(rules, mode, &mut budget, key_file)?],
        (None, Some(scopes)) => {
            let scopes = at_most(scopes, "scopes", limits::POLICY_SCOPES)?;
            scopes.iter().map(|node| scope(node, mode, &mut budget, key_file)).collect::<Result<_, _>>()?
        }
        (None, None) => return Err(node.wrong("neither `rules` nor `scopes`: nothing would be admitted")),
        (Some(rules), Some(_)) => {
            return Err(
                rules.wrong("`rules` beside `scopes`: put them into a scope, so that it is said what they are for")
            );
        }
    }
    .into_iter();
    let first = scopes.next().ok_or_else(|| node.wrong("`scopes` is empty"))?;
    let mut policy = Policy { mode, ..Policy::of_scope(first) };
    policy.rest = scopes.collect();
    let mut names: Vec<&str> = policy.scopes().filter_map(Scope::name).collect();
    names.sort_unstable();
    let twice = names.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    });
    if let Some(twice) = twice {
        return Err(node.wrong(format!("two scopes have the name {twice:?}")));
    }
    if let Some(denied) = fields.take("deny") {
        for node in at_most(denied, "deny", limits::POLICY_DENIED)? {
            let (digest, reason) = parts::denied(node)?;
            if policy.denied.insert(digest, reason).is_some() {
                return Err(node.wrong(format!("{digest} is denied twice")));
            }
        }
    }
    if let Some(distrust) = fields.take("distrust") {
        let distrust = at_most(distrust, "distrust", limits::POLICY_DISTRUST)?;
        policy.distrust =
            distrust.iter().map(|node| rules::distrust(node, key_file)).collect::<Result<Vec<Distrust>, _>>()?;
    }
    if let Some(witnesses) = fields.take("witnesses") {
        policy.witnesses = parts::witnesses(at_most(witnesses, "witnesses", limits::POLICY_WITNESSES)?)?;
    }
    Ok(policy)
}

fn at_most<'n>(node: &'n Node, what: &'static str, limit: usize) -> Result<&'n [Node], PolicyError> {
    let items = node.list(what)?;
    if items.len() > limit {
        return Err(PolicyError::TooMany { place: node.place, what, found: items.len(), limit });
    }
    Ok(items)
}

fn unscoped(node: &Node, mode: Mode, budget: &mut usize, key_file: KeyFiles<'_>) -> Result<Scope, PolicyError> {
    let items = at_most(node, "rules", *budget)?;
    *budget -= items.len();
    let mut rules = items.iter().enumerate().map(|(index, node)| rules::rule(index, node, key_file));
    let first = rules.next().ok_or_else(|| node.wrong("`rules` is empty"))??;
    let rest = rules.collect::<Result<_, _>>()?;
    Ok(Scope { name: None, names: None, mode, first: Box::new(first), rest })
}

fn scope(node: &Node, mode: Mode, budget: &mut usize, key_file: KeyFiles<'_>) -> Result<Scope, PolicyError> {
    let fields = node.fields("a scope", SCOPE)?;
    let name = fields.require("name")?.text("name")?;
    if name.is_empty() {
        return Err(node.wrong("a scope's `name` is empty"));
    }
    let mode = fields.take("mode").map_or(Ok(mode), parts::mode)?;
    let mut names = Vec::new();
    type Make = fn(&str) -> Result<NamePattern, super::PatternError>;
    let kinds: [(&'static str, Make); 3] = [
        ("registries", NamePattern::registry),
        ("repositories", NamePattern::repository),
        ("files", NamePattern::file),
    ];
    for (field, make) in kinds {
        let Some(list) = fields.take(field) else { continue };
        for item in at_most(list, field, limits::POLICY_NAMES)? {
            let pattern = make(item.text(field)?);
            names.push(pattern.map_err(|error| rules::wrong(name, item.place, error.into()))?);
        }
    }
    if names.is_empty() {
        return Err(node.wrong("a scope without `registries`, `repositories` or `files` is for nothing"));
    }
    let rules = fields.require("rules")?;
    let scope = unscoped(rules, mode, budget, key_file)?;
    Ok(Scope { name: Some(name.to_owned()), names: Some(names), ..scope })
}

#[cfg(test)]
mod tests;
