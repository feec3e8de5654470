//! `policy.json`: the most specific scope decides, every requirement of it must be met, the default must refuse.

use super::{ImportError, inexpressible, key_block, only, quoted};
use crate::base::encoding::base64;
use crate::policy::document::Node;

pub(super) fn import(node: &Node) -> Result<String, ImportError> {
    only(node, "policy", &["default", "transports"])?;
    let default = node.member("default").ok_or(ImportError::Unknown)?;
    match default.list("default")? {
        [one] if one.member("type").is_some_and(|kind| kind.text("type").is_ok_and(|text| text == "reject")) => {}
        _ => return Err(inexpressible(default, "default", "what no scope names is refused here, always")),
    }
    let transports = node.member("transports").ok_or_else(|| inexpressible(node, "transports", "it is missing"))?;
    only(transports, "transports", &["docker"])?;
    let docker =
        transports.member("docker").ok_or_else(|| inexpressible(transports, "transports", "it has no docker"))?;
    let scopes = docker.map("transports.docker")?;
    let mut yaml = "version: 1\nscopes:\n".to_owned();
    for (scope, _, requirements) in scopes {
        let field = format!("transports.docker[{scope:?}]");
        let inside = |other: &str| {
            other != scope && other.strip_prefix(scope.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        if let Some((other, ..)) = scopes.iter().find(|(other, ..)| inside(other)) {
            let why = format!("{other:?} within it would replace its rules; here both must admit");
            return Err(inexpressible(requirements, &field, &why));
        }
        yaml += &format!("  - name: '{}'\n{}", scope.replace('\'', "''"), names(scope, requirements, &field)?);
        let [requirement] = requirements.list(&field)? else {
            return Err(inexpressible(
                requirements,
                &field,
                "it has several requirements, which one signature may meet",
            ));
        };
        yaml += &rule(requirement, &field)?;
    }
    Ok(yaml)
}

fn names(scope: &str, node: &Node, field: &str) -> Result<String, ImportError> {
    let path = scope.rsplit('/').next().unwrap_or_default();
    if scope.is_empty() || scope.contains('@') || (scope.contains('/') && path.contains(':')) || scope.contains('\'') {
        return Err(inexpressible(node, field, "a scope is a registry, a namespace or a repository here"));
    }
    Ok(match scope.contains('/') {
        false => format!("    registries: ['{scope}']\n"),
        true => format!("    repositories: ['{scope}', '{scope}/**']\n"),
    })
}

fn rule(node: &Node, field: &str) -> Result<String, ImportError> {
    let kind = node.member("type").map(|kind| kind.text("type")).transpose()?.unwrap_or_default();
    if kind != "sigstoreSigned" {
        let why = format!("{kind:?} is no sigstoreSigned requirement");
        return Err(inexpressible(node, &format!("{field}.type"), &why));
    }
    for (theirs, why) in [
        ("fulcio", "which authority certifies is the trusted root's to say"),
        ("rekorPublicKeyPath", "which log proves is the trusted root's to say"),
        ("rekorPublicKeyPaths", "which logs prove is the trusted root's to say"),
        ("rekorPublicKeyData", "which log proves is the trusted root's to say"),
        ("rekorPublicKeyDatas", "which logs prove is the trusted root's to say"),
    ] {
        if let Some(found) = node.member(theirs) {
            return Err(inexpressible(found, &format!("{field}.{theirs}"), why));
        }
    }
    only(node, field, &["type", "keyPath", "keyPaths", "keyData", "keyDatas", "signedIdentity"])?;
    let mut keys = Vec::new();
    let list = |name: &str| node.member(name).map_or(Ok(&[][..]), |list| list.list(name));
    for path in node.member("keyPath").into_iter().chain(list("keyPaths")?) {
        keys.push(format!("key-file: {}\n", quoted(path, "keyPath")?));
    }
    for data in node.member("keyData").into_iter().chain(list("keyDatas")?) {
        let pem = base64::decode(data.text("keyData")?).and_then(|pem| String::from_utf8(pem).ok());
        let pem = pem.ok_or_else(|| inexpressible(data, "keyData", "it is no base64 of a key in PEM"))?;
        keys.push(key_block(&pem, "              "));
    }
    if keys.is_empty() {
        return Err(inexpressible(node, field, "it names no key"));
    }
    let mut yaml = "    rules:\n      - signers:\n          any:\n".to_owned();
    for key in keys {
        // Without a key of Rekor no log is asked.
        yaml += &format!("            - {key}              log-not-required-unsafe: true\n");
    }
    let bound = match node.member("signedIdentity") {
        None => "name, tag",
        Some(identity) => {
            only(identity, &format!("{field}.signedIdentity"), &["type"])?;
            match identity.member("type").map(|kind| kind.text("type")).transpose()? {
                Some("matchRepoDigestOrExact") => "name, tag",
                Some("matchRepository") => "name",
                _ => {
                    let why = "names are compared as they are, not mapped; with a digest there is no tag to compare";
                    return Err(inexpressible(identity, &format!("{field}.signedIdentity"), why));
                }
            }
        }
    };
    Ok(yaml + &format!("        signed-names: [{bound}]\n"))
}
