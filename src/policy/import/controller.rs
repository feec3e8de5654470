//! ClusterImagePolicy: any authority admits.

use super::{ImportError, inexpressible, key_block, only, quoted};
use crate::policy::document::{Node, PolicyError};

/// What policy-controller calls predicate types.
const TYPES: [(&str, &str); 9] = [
    ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
    ("slsaprovenance02", "https://slsa.dev/provenance/v0.2"),
    ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
    ("spdx", "https://spdx.dev/Document"),
    ("spdxjson", "https://spdx.dev/Document"),
    ("cyclonedx", "https://cyclonedx.org/bom"),
    ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
    ("openvex", "https://openvex.dev/ns"),
    ("custom", "https://cosign.sigstore.dev/attestation/v1"),
];

pub(super) fn import(node: &Node) -> Result<String, ImportError> {
    only(node, "policy", &["apiVersion", "kind", "metadata", "spec"])?;
    match node.member("kind") {
        Some(kind) if kind.text("kind")? == "ClusterImagePolicy" => {}
        _ => return Err(ImportError::Unknown),
    }
    let name = node.member("metadata").and_then(|metadata| metadata.member("name"));
    let name = name.map_or_else(|| Ok("'imported'".to_owned()), |name| quoted(name, "metadata.name"))?;
    let spec = node.member("spec").ok_or_else(|| inexpressible(node, "spec", "it is missing"))?;
    only(spec, "spec", &["images", "authorities", "mode"])?;
    let mut yaml = format!("version: 1\nscopes:\n  - name: {name}\n");
    if let Some(mode) = spec.member("mode") {
        match mode.text("spec.mode")? {
            "enforce" => {}
            "warn" => yaml += "    mode: warn\n",
            _ => return Err(inexpressible(mode, "spec.mode", "it is neither enforce nor warn")),
        }
    }
    let images = spec.member("images").ok_or_else(|| inexpressible(spec, "spec.images", "it is missing"))?;
    yaml += "    repositories:\n";
    for image in images.list("spec.images")? {
        only(image, "spec.images[]", &["glob"])?;
        let glob = image.member("glob").ok_or_else(|| inexpressible(image, "spec.images[].glob", "it is missing"))?;
        let text = quoted(glob, "spec.images[].glob")?.replacen("'index.docker.io/", "'docker.io/", 1);
        yaml += &format!("      - {text}\n");
    }
    let authorities = spec.member("authorities");
    let authorities = authorities.ok_or_else(|| inexpressible(spec, "spec.authorities", "it is missing"))?;
    yaml += "    rules:\n";
    for authority in authorities.list("spec.authorities")? {
        yaml += &rule(authority)?;
    }
    Ok(yaml)
}

fn rule(authority: &Node) -> Result<String, ImportError> {
    only(authority, "spec.authorities[]", &["name", "keyless", "key", "attestations"])?;
    let mut yaml = String::new();
    match (authority.member("keyless"), authority.member("key")) {
        (Some(keyless), None) => yaml += &keyless_signers(keyless)?,
        (None, Some(key)) => {
            only(key, "spec.authorities[].key", &["data"])?;
            let data = key.member("data");
            let data =
                data.ok_or_else(|| inexpressible(key, "spec.authorities[].key", "only `data` can be read here"))?;
            yaml += &format!("        {}", key_block(data.text("key.data")?, "        "));
            // Without `ctlog` the controller asks no log about a key.
            yaml += "        log-not-required-unsafe: true\n";
        }
        _ => return Err(inexpressible(authority, "spec.authorities[]", "it has not one of `keyless` and `key`")),
    }
    if let Some(name) = authority.member("name") {
        yaml += &format!("        name: {}\n", quoted(name, "spec.authorities[].name")?);
    }
    if let Some(attestations) = authority.member("attestations") {
        yaml += "        attestations:\n";
        for attestation in attestations.list("spec.authorities[].attestations")? {
            only(attestation, "spec.authorities[].attestations[]", &["name", "predicateType", "policy"])?;
            let field = "spec.authorities[].attestations[].predicateType";
            let kind = attestation.member("predicateType");
            let kind = kind.ok_or_else(|| inexpressible(attestation, field, "it is missing"))?;
            let known = TYPES.iter().find(|(short, _)| kind.text(field).is_ok_and(|text| text == *short));
            let kind = known.map_or_else(|| quoted(kind, field), |(_, long)| Ok(format!("'{long}'")))?;
            yaml += &format!("          - predicate-type: {kind}\n");
            if let Some(policy) = attestation.member("policy") {
                yaml += &rego(policy)?;
            }
        }
    }
    Ok(yaml.replacen("        ", "      - ", 1))
}

/// A policy over the predicate: the controller evaluates it on the same statement.
fn rego(policy: &Node) -> Result<String, ImportError> {
    const PATH: &str = "spec.authorities[].attestations[].policy";
    let field = |name: &str| format!("{PATH}.{name}");
    let kind = policy.member("type").ok_or_else(|| inexpressible(policy, PATH, "it has no `type`"))?;
    match kind.text(&field("type"))? {
        "rego" => {}
        "cue" => return Err(PolicyError::Cue { place: kind.place }.into()),
        _ => return Err(inexpressible(kind, &field("type"), "conditions are in Rego, CEL or CUE")),
    }
    let reach = "a policy sees the statement alone: nothing is fetched, not even the image's configuration";
    for name in ["remote", "configMapRef", "fetchConfigFile", "includeSpec", "includeObjectMeta", "includeTypeMeta"] {
        if let Some(node) = policy.member(name) {
            return Err(inexpressible(node, &field(name), reach));
        }
    }
    only(policy, PATH, &["type", "data"])?;
    let data = policy.member("data").ok_or_else(|| inexpressible(policy, PATH, "it has no `data`"))?;
    let text = data.text(&field("data"))?;
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(inexpressible(data, &field("data"), "it holds a control character"));
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).skip_while(|line| line.is_empty()).collect();
    let indent = |line: &&str| line.len() - line.trim_start_matches(' ').len();
    let common = lines.iter().filter(|line| !line.is_empty()).map(indent).min().unwrap_or_default();
    if lines.first().is_some_and(|first| indent(first) > common || first.starts_with('\t')) {
        return Err(inexpressible(data, &field("data"), "its first line is indented more than others"));
    }
    let lines = lines.iter().map(|line| match line.get(common..).unwrap_or_default() {
        "" => "\n".to_owned(),
        line => format!("{:18}{line}\n", ""),
    });
    Ok(format!("            conditions:\n              - rego: |\n{}", lines.collect::<String>()))
}

fn keyless_signers(keyless: &Node) -> Result<String, ImportError> {
    const PATH: &str = "spec.authorities[].keyless";
    if let Some(url) = keyless.member("url") {
        let why = "which authority certifies is the trusted root's to say; `certificate-authority` names one of it";
        return Err(inexpressible(url, "spec.authorities[].keyless.url", why));
    }
    only(keyless, PATH, &["identities"])?;
    let identities = keyless.member("identities");
    let identities = identities.ok_or_else(|| inexpressible(keyless, PATH, "it names no `identities`"))?;
    let mut yaml = "        signers:\n          any:\n".to_owned();
    for identity in identities.list(PATH)? {
        let path = "spec.authorities[].keyless.identities[]";
        only(identity, path, &["issuer", "subject", "issuerRegExp", "subjectRegExp"])?;
        let mut lines = Vec::new();
        let forms = [
            ("subject", "identity"),
            ("subjectRegExp", "identity-regex"),
            ("issuer", "issuer"),
            ("issuerRegExp", "issuer-regex"),
        ];
        for (theirs, ours) in forms {
            let Some(node) = identity.member(theirs) else { continue };
            let field = format!("{path}.{theirs}");
            let mut text = quoted(node, &field)?;
            if theirs.ends_with("RegExp") {
                let inner = node.text(&field)?;
                let anchored = inner.strip_prefix('^').and_then(|inner| inner.strip_suffix('$'));
                let anchored = anchored.filter(|inner| !inner.ends_with('\\') && !inner.contains('|'));
                let why = "it is not anchored as a whole (`^…$`), and ours always are";
                let inner = anchored.ok_or_else(|| inexpressible(node, &field, why))?;
                text = format!("'{}'", inner.replace('\'', "''"));
            }
            lines.push(format!("{ours}: {text}"));
        }
        yaml += &format!("            - {}\n", lines.join("\n              "));
    }
    Ok(yaml)
}
