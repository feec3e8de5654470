//! Whether a certificate's names lie within name constraints, RFC 5280 section 4.2.1.10. E-mail, URI
//! and DNS subtrees are compared; whatever else a constraint and a name are about, and whatever is not
//! plain, is not allowed.

use crate::format::x509::{Certificate, GeneralName, NameConstraints};

/// The context tag of directoryName.
const DIRECTORY: u8 = 4;

/// Whether every name of `certificate` is permitted and none is excluded.
pub(super) fn allows(constraints: &NameConstraints, certificate: &Certificate) -> bool {
    let subtrees = || constraints.permitted.iter().chain(&constraints.excluded);
    if subtrees().any(|subtree| *subtree == GeneralName::Malformed) {
        return false;
    }
    if !certificate.subject().is_empty() && subtrees().any(|subtree| form(subtree) == Some(DIRECTORY)) {
        return false;
    }
    let names = certificate.extensions().subject_alt_names.as_ref().map_or(&[][..], |san| &san.names);
    names.iter().all(|name| {
        let same_form = |subtree: &&GeneralName| form(name).is_none_or(|name| form(subtree) == Some(name));
        let mut permitted = constraints.permitted.iter().filter(same_form).peekable();
        let mut excluded = constraints.excluded.iter().filter(same_form);
        let is_permitted = permitted.peek().is_none() || permitted.any(|subtree| within(name, subtree) == Within::Yes);
        is_permitted && excluded.all(|subtree| within(name, subtree) == Within::No)
    })
}

/// The context tag of a name's form; `None` for a name that could not be read.
fn form(name: &GeneralName) -> Option<u8> {
    match name {
        GeneralName::Username(_) | GeneralName::OtherName { .. } => Some(0),
        GeneralName::Email(_) => Some(1),
        GeneralName::Dns(_) => Some(2),
        GeneralName::Uri(_) => Some(6),
        GeneralName::Ip(_) => Some(7),
        GeneralName::Unsupported(tag) => Some(*tag),
        GeneralName::Malformed => None,
    }
}

/// Whether a name lies in a subtree. `Unclear` is neither permitted nor clear of an exclusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Yes,
    No,
    Unclear,
}

impl From<bool> for Within {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

fn within(name: &GeneralName, subtree: &GeneralName) -> Within {
    match (name, subtree) {
        (GeneralName::Email(address), GeneralName::Email(subtree)) => email_within(address, subtree),
        (GeneralName::Uri(uri), GeneralName::Uri(subtree)) => match host_of(uri) {
            Some(host) => host_within(host, subtree),
            None => Within::Unclear,
        },
        (GeneralName::Dns(host), GeneralName::Dns(subtree)) if is_host(host) => dns_within(host, subtree),
        _ => Within::Unclear,
    }
}

/// The subtree is one mailbox, all of a host's, or (with a dot in front) all below a domain.
fn email_within(address: &str, subtree: &str) -> Within {
    let Some((local, host)) = address.rsplit_once('@').filter(|(_, host)| is_host(host)) else {
        return Within::Unclear;
    };
    let Some((mailbox, mailbox_host)) = subtree.rsplit_once('@') else { return host_within(host, subtree) };
    if !host.eq_ignore_ascii_case(mailbox_host) {
        Within::No
    } else if local == mailbox {
        Within::Yes
    } else if local.eq_ignore_ascii_case(mailbox) {
        // Mailboxes may differ by case alone, and rarely do.
        Within::Unclear
    } else {
        Within::No
    }
}

/// The subtree is a host, or (with a dot in front) everything below a domain.
fn host_within(host: &str, subtree: &str) -> Within {
    match subtree.strip_prefix('.') {
        _ if !is_host(subtree.trim_start_matches('.')) => Within::Unclear,
        Some(domain) => is_below(host, domain).into(),
        None => host.eq_ignore_ascii_case(subtree).into(),
    }
}

/// The subtree is a domain with everything below it, or (with a dot in front) without the domain itself.
fn dns_within(host: &str, subtree: &str) -> Within {
    match host_within(host, subtree) {
        Within::No => is_below(host, subtree).into(),
        found => found,
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    let Some(cut) = host.len().checked_sub(domain.len()) else { return false };
    match (host.get(..cut), host.get(cut..)) {
        (Some(labels), Some(end)) => labels.len() > 1 && labels.ends_with('.') && end.eq_ignore_ascii_case(domain),
        _ => false,
    }
}

/// The host of a URI with an authority part; `None` for an address, a wildcard or anything unusual.
fn host_of(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host_and_port = authority.rsplit('@').next()?;
    let host = host_and_port.split_once(':').map_or(host_and_port, |(host, _)| host);
    is_host(host).then_some(host)
}

/// A host name of plain labels; not an IPv4 address, whose last label is a number.
fn is_host(host: &str) -> bool {
    let plain = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let numeric = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    host.split('.').all(plain) && !host.rsplit('.').next().is_none_or(numeric)
}
