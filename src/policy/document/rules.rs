//! Rules, signers and attestations of the document.

use std::num::NonZeroU8;
use std::sync::Arc;

use super::error::{Place, PolicyError};
use super::parts;
use super::yaml::{Fields, Node};
use crate::base::crypto::PublicKey;
use crate::base::limits;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::policy::Distrust;
use crate::policy::asked::Asked;
use crate::policy::attestation::{AttestationRule, Pointer};
use crate::policy::condition::Condition;
use crate::policy::matcher::{Matcher, PatternError};
use crate::policy::refusal::{Bound, Threshold};
use crate::policy::rego::Rego;
use crate::policy::rule::{Rule, RuleError};
use crate::policy::signer::{CertificateRule, Quorum, SignerKind, SignerRule, Signers};
use crate::verify::{KeyLog, Promise};

/// Gives the content of a key file that a document names.
pub(in crate::policy) type KeyFiles<'f> = &'f dyn Fn(&str) -> Option<Vec<u8>>;

/// The fields of a signer.
pub(super) const SIGNER: &[&str] = &[
    "identity",
    "identity-glob",
    "identity-regex",
    "issuer",
    "issuer-glob",
    "issuer-regex",
    "certificate-authority",
    "claims",
    "key",
    "key-file",
    "valid-from",
    "valid-until",
    "log-not-required-unsafe",
];
/// The fields of a rule, those of a signer included.
pub(super) const RULE: &[&str] = &[
    "name",
    "identity",
    "identity-glob",
    "identity-regex",
    "issuer",
    "issuer-glob",
    "issuer-regex",
    "certificate-authority",
    "claims",
    "key",
    "key-file",
    "valid-from",
    "valid-until",
    "log-not-required-unsafe",
    "signers",
    "attestations",
    "logs",
    "timestamp-authorities",
    "ct-logs",
    "witnesses",
    "max-age",
    "min-age",
    "signed-names",
    "accept-promise",
];
/// The fields of a signer who is not believed.
pub(super) const DISTRUST: &[&str] = &[
    "identity",
    "identity-glob",
    "identity-regex",
    "issuer",
    "issuer-glob",
    "issuer-regex",
    "certificate-authority",
    "claims",
    "key",
    "key-file",
    "from",
    "reason",
];
/// The fields of a group of signers.
pub(super) const GROUP: &[&str] = &["any", "all", "at-least", "of"];
/// The fields of a condition.
pub(super) const CONDITION: &[&str] = &["name", "cel", "rego", "rego-file"];
/// The fields of an attestation.
pub(super) const ATTESTATION: &[&str] =
    &["predicate-type", "predicate-type-glob", "signers", "fields", "conditions", "max-age", "min-age"];

pub(super) fn wrong(rule: &str, place: Place, error: RuleError) -> PolicyError {
    PolicyError::Rule { place, rule: rule.to_owned(), error }
}

/// Makes a pattern of its text.
type Make = fn(&str) -> Result<Matcher, PatternError>;

/// What the parts of one rule share.
#[derive(Clone, Copy)]
struct Reading<'r> {
    rule: &'r str,
    key_file: KeyFiles<'r>,
}

pub(super) fn rule(index: usize, node: &Node, key_file: KeyFiles<'_>) -> Result<Rule, PolicyError> {
    let fields = node.fields("a rule", RULE)?;
    let name = fields.text("name")?.map_or_else(|| format!("rules[{index}]"), str::to_owned);
    let reading = Reading { rule: &name, key_file };
    let own = SIGNER.iter().find_map(|field| fields.take(field));
    let signers = match (own, fields.take("signers")) {
        (Some(own), Some(_)) => {
            return Err(own.wrong("a rule has one signer of its own, or `signers`, and not both"));
        }
        (_, Some(signers)) => reading.group(signers)?,
        (_, None) => Signers::one(reading.signer(fields)?),
    };
    let mut rule = Rule { line: Some(node.place.line), ..Rule::by(&name, signers) };
    if let Some(list) = fields.take("attestations") {
        let items = super::at_most(list, "attestations", limits::POLICY_ATTESTATIONS)?;
        rule.attestations = items.iter().map(|node| reading.attestation(node)).collect::<Result<_, _>>()?;
    }
    let thresholds = [
        ("logs", Threshold::Logs),
        ("timestamp-authorities", Threshold::TimestampAuthorities),
        ("ct-logs", Threshold::CtLogs),
        ("witnesses", Threshold::Witnesses),
    ];
    for (field, counted) in thresholds {
        let needed = fields.take(field).map(|node| node.count(field)).transpose()?.and_then(NonZeroU8::new);
        rule.thresholds.extend(needed.map(|needed| (counted, needed)));
    }
    (rule.max_age, rule.min_age) = ages(fields)?;
    if let Some(list) = fields.take("signed-names") {
        for node in list.list("signed-names")? {
            let bound = match node.text("signed-names")? {
                "name" => Bound::Name,
                "tag" => Bound::Tag,
                "version" => Bound::Version,
                _ => return Err(node.wrong("`signed-names` lists name, tag and version")),
            };
            if rule.bound.contains(&bound) {
                return Err(node.wrong("`signed-names` lists each once"));
            }
            rule.bound.push(bound);
        }
    }
    if fields.flag("accept-promise")? {
        rule.promise = Promise::Accepted;
    }
    rule.check().map_err(|error| wrong(&name, node.place, error))?;
    Ok(rule)
}

fn ages(fields: Fields<'_>) -> Result<(Option<u64>, Option<u64>), PolicyError> {
    let age = |name: &str| fields.take(name).map(|node| parts::duration(node, name)).transpose();
    let (max, min) = (age("max-age")?, age("min-age")?);
    if let (Some(max), Some(min)) = (max, min)
        && min > max
    {
        return Err(fields.node.wrong("`min-age` is above `max-age`: nothing could be admitted"));
    }
    Ok((max, min))
}

pub(super) fn distrust(node: &Node, key_file: KeyFiles<'_>) -> Result<Distrust, PolicyError> {
    let fields = node.fields("a distrusted signer", DISTRUST)?;
    let reading = Reading { rule: "distrust", key_file };
    let from = parts::moment(fields.require("from")?, "from")?;
    let signer = match reading.key(fields)? {
        Some(signer) => signer,
        None => {
            // Whoever meets less is distrusted too: here it may name less than whom a rule trusts.
            let rule = reading.certificate(fields)?;
            let nobody = rule.identity.is_none() && rule.issuer.is_none() && rule.authority.is_none();
            if nobody && rule.claims.is_empty() {
                return Err(node.wrong("it is not said who is distrusted"));
            }
            SignerRule { kind: SignerKind::Certificate(Box::new(rule)) }
        }
    };
    Ok(Distrust { signer, from, reason: parts::reason(fields.text("reason")?) })
}

impl Reading<'_> {
    /// In one of the two languages.
    fn condition(&self, node: &Node) -> Result<Arc<Asked>, PolicyError> {
        if let Some(cue) = node.member("cue") {
            return Err(PolicyError::Cue { place: cue.place });
        }
        let fields = node.fields("a condition", CONDITION)?;
        let name = fields.text("name")?;
        let given = (fields.take("cel"), fields.take("rego"), fields.take("rego-file"));
        let (node, asked) = match given {
            (Some(cel), None, None) => {
                let text = cel.text("cel")?;
                (cel, Condition::compile(name.unwrap_or(text), text).map(Box::new).map(Asked::Cel))
            }
            (None, Some(rego), None) => (rego, Rego::compile(name, rego.text("rego")?).map(Box::new).map(Asked::Rego)),
            (None, None, Some(file)) => {
                if file.text("rego-file")?.ends_with(".cue") {
                    return Err(PolicyError::Cue { place: file.place });
                }
                let text = self.file(file, "rego-file")?;
                let text = String::from_utf8(text).map_err(|_| file.wrong("the file is not text"))?;
                (file, Rego::compile(name, &text).map(Box::new).map(Asked::Rego))
            }
            _ => return Err(node.wrong("a condition is one of `cel`, `rego` and `rego-file`")),
        };
        asked.map(Arc::new).map_err(|problem| PolicyError::Condition { place: node.place, problem })
    }

    /// A file that lies beside the policy.
    fn file(&self, node: &Node, field: &str) -> Result<Vec<u8>, PolicyError> {
        let file = node.text(field)?;
        let missing = || PolicyError::KeyFile { place: node.place, file: file.chars().take(256).collect() };
        (self.key_file)(file).ok_or_else(missing)
    }

    fn wrong(&self, node: &Node, error: impl Into<RuleError>) -> PolicyError {
        wrong(self.rule, node.place, error.into())
    }

    /// `any` of these, `all` of these, or `at-least` so many different signers `of` these. In `any` may stand all of
    /// them; in `all`, `any` and `at-least` of single signers.
    fn group(&self, node: &Node) -> Result<Signers, PolicyError> {
        let any = match node.member("any") {
            Some(items) => {
                node.fields("signers", GROUP)?;
                self.alone(node, "any")?;
                let ways = self.items(items, "any")?.iter().map(|item| self.way(item));
                ways.collect::<Result<Vec<_>, _>>()?
            }
            None => vec![self.way(node)?],
        };
        let count: usize = any.iter().flatten().map(|quorum| quorum.count.max(quorum.of.len())).sum();
        if count > limits::POLICY_SIGNERS {
            let (what, limit) = ("signers in one rule", limits::POLICY_SIGNERS);
            return Err(PolicyError::TooMany { place: node.place, what, found: count, limit });
        }
        Ok(Signers { any })
    }

    fn way(&self, node: &Node) -> Result<Vec<Quorum>, PolicyError> {
        let Some(items) = node.member("all") else { return Ok(vec![self.quorum(node)?]) };
        node.fields("signers", GROUP)?;
        self.alone(node, "all")?;
        self.items(items, "all")?.iter().map(|item| self.quorum(item)).collect()
    }

    fn quorum(&self, node: &Node) -> Result<Quorum, PolicyError> {
        let items = |items: &Node, name| -> Result<Vec<SignerRule>, PolicyError> {
            self.items(items, name)?.iter().map(|item| self.signer(item.fields("a signer", SIGNER)?)).collect()
        };
        if let Some(any) = node.member("any") {
            node.fields("signers", GROUP)?;
            self.alone(node, "any")?;
            return Ok(Quorum { count: 1, of: items(any, "any")? });
        }
        if node.member("at-least").is_some() || node.member("of").is_some() {
            let fields = node.fields("signers", GROUP)?;
            let count = usize::from(fields.require("at-least")?.count("at-least")?);
            if let Some(other) = fields.take("all") {
                return Err(other.wrong("`all` beside `at-least`"));
            }
            return Ok(Quorum { count, of: items(fields.require("of")?, "of")? });
        }
        Ok(Quorum { count: 1, of: vec![self.signer(node.fields("a signer", SIGNER)?)?] })
    }

    fn alone(&self, node: &Node, name: &str) -> Result<(), PolicyError> {
        match node.map("signers")? {
            [_] => Ok(()),
            _ => Err(node.wrong(format!("`{name}` stands alone in its group"))),
        }
    }

    fn items<'n>(&self, node: &'n Node, name: &'static str) -> Result<&'n [Node], PolicyError> {
        super::at_most(node, name, limits::POLICY_SIGNERS)
    }

    fn signer(&self, fields: Fields<'_>) -> Result<SignerRule, PolicyError> {
        match self.key(fields)? {
            Some(signer) => Ok(signer),
            None => SignerRule::certificate(self.certificate(fields)?).map_err(|error| self.wrong(fields.node, error)),
        }
    }

    fn key(&self, fields: Fields<'_>) -> Result<Option<SignerRule>, PolicyError> {
        let (inline, file) = (fields.take("key"), fields.take("key-file"));
        let unlogged = fields.flag("log-not-required-unsafe")?;
        let (from, until) = (fields.take("valid-from"), fields.take("valid-until"));
        let (node, pem) = match (inline, file) {
            (Some(_), Some(_)) => return Err(self.two(fields.node, "key")),
            (Some(node), None) => (node, node.text("key")?.as_bytes().to_vec()),
            (None, Some(node)) => (node, self.file(node, "key-file")?),
            (None, None) if unlogged => {
                return Err(fields.node.wrong("`log-not-required-unsafe` is about a key, and there is none"));
            }
            (None, None) if from.or(until).is_some() => {
                return Err(fields.node.wrong("`valid-from` and `valid-until` are about a key, and there is none"));
            }
            (None, None) => return Ok(None),
        };
        let other = SIGNER.iter().take(8).find_map(|field| fields.take(field));
        if let Some(other) = other {
            return Err(other.wrong("a key has no identity, issuer or claims"));
        }
        let key = PublicKey::from_pem(&String::from_utf8_lossy(&pem));
        let key = key.map_err(|error| self.wrong(node, RuleError::Key(error)))?;
        let log = if unlogged { KeyLog::NotRequiredUnsafe } else { KeyLog::Required };
        if from.or(until).is_none() {
            return Ok(Some(SignerRule::key(key, log)));
        }
        let from = from.map(|node| parts::moment(node, "valid-from")).transpose()?;
        let end = until.map(|until| parts::moment(until, "valid-until")).transpose()?;
        let validity = ValidityPeriod::new(from.unwrap_or(UnixTime::from_secs(0)), end);
        let validity = validity.ok_or_else(|| node.wrong("`valid-until` is before `valid-from`"))?;
        Ok(Some(SignerRule::key_within(key, log, validity)))
    }

    fn two(&self, node: &Node, what: &'static str) -> PolicyError {
        PolicyError::TwoConditions { place: node.place, rule: self.rule.to_owned(), what }
    }

    fn certificate(&self, fields: Fields<'_>) -> Result<CertificateRule, PolicyError> {
        let mut rule = CertificateRule {
            identity: self.one(fields, "identity", ["identity", "identity-glob", "identity-regex"])?,
            issuer: self.one(fields, "issuer", ["issuer", "issuer-glob", "issuer-regex"])?,
            ..CertificateRule::default()
        };
        if let Some(node) = fields.take("certificate-authority") {
            let name = node.text("certificate-authority")?;
            Matcher::exact(name).map_err(|error| self.wrong(node, error))?;
            rule.authority = Some(name.to_owned());
        }
        if let Some(claims) = fields.take("claims") {
            for (claim, place, value) in claims.map("claims")? {
                let value = Matcher::glob(value.text(claim)?).map_err(|error| self.wrong(value, error))?;
                rule.claim(claim, value).map_err(|error| wrong(self.rule, *place, error))?;
            }
        }
        Ok(rule)
    }

    /// At most one of the three forms.
    fn one(
        &self,
        fields: Fields<'_>,
        what: &'static str,
        forms: [&'static str; 3],
    ) -> Result<Option<Matcher>, PolicyError> {
        let make: [Make; 3] = [Matcher::exact, Matcher::glob, Matcher::regex];
        let mut found = forms.iter().zip(make).filter_map(|(form, make)| Some((form, make, fields.take(form)?)));
        let Some((form, make, node)) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(self.two(fields.node, what));
        }
        make(node.text(form)?).map(Some).map_err(|error| self.wrong(node, error))
    }

    fn attestation(&self, node: &Node) -> Result<AttestationRule, PolicyError> {
        let fields = node.fields("an attestation", ATTESTATION)?;
        let predicate_type = match (fields.take("predicate-type"), fields.take("predicate-type-glob")) {
            (Some(_), Some(_)) => return Err(self.two(node, "predicate type")),
            (Some(exact), None) => Matcher::exact(exact.text("predicate-type")?).map_err(|e| self.wrong(exact, e)),
            (None, Some(glob)) => Matcher::glob(glob.text("predicate-type-glob")?).map_err(|e| self.wrong(glob, e)),
            (None, None) => return Err(node.wrong("`predicate-type` is missing")),
        }?;
        let (max_age, min_age) = ages(fields)?;
        let mut wanted = AttestationRule {
            predicate_type,
            signers: None,
            fields: Vec::new(),
            conditions: Vec::new(),
            max_age,
            min_age,
        };
        wanted.signers = fields.take("signers").map(|signers| self.group(signers)).transpose()?;
        if let Some(map) = fields.take("fields") {
            let members = map.map("fields")?;
            if members.len() > limits::POLICY_FIELDS {
                let (what, limit) = ("fields of one predicate", limits::POLICY_FIELDS);
                return Err(PolicyError::TooMany { place: map.place, what, found: members.len(), limit });
            }
            for (pointer, place, value) in members {
                let pointer = Pointer::parse(pointer).map_err(|error| wrong(self.rule, *place, error.into()))?;
                let value = Matcher::glob(value.text("fields")?).map_err(|error| self.wrong(value, error))?;
                wanted.fields.push((pointer, value));
            }
        }
        if let Some(list) = fields.take("conditions") {
            let items = super::at_most(list, "conditions", limits::POLICY_CONDITIONS)?;
            wanted.conditions = items.iter().map(|node| self.condition(node)).collect::<Result<_, _>>()?;
        }
        Ok(wanted)
    }
}
