//! Fulcio's certificate extensions, 1.3.6.1.4.1.57264.1.1 to .24:
//! <https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md>

use super::{Certificate, CertificateError};
use crate::base::encoding::der::Reader;

/// A claim that Fulcio copies from the identity token: arc, policy name, what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The last arc of the extension's identifier.
    pub arc: u8,
    /// The name in policies and output.
    pub name: &'static str,
    /// What it says.
    pub meaning: &'static str,
}

const fn claim(arc: u8, name: &'static str, meaning: &'static str) -> Claim {
    Claim { arc, name, meaning }
}

/// Every claim. `.1` to `.6` are raw text (deprecated), `.8` to `.24` are UTF8String; `.7` is the type of
/// a name, not an extension.
pub const CLAIMS: [Claim; 23] = [
    claim(1, "issuer-v1", "issuer of the identity token (deprecated form)"),
    claim(2, "github-workflow-trigger", "event that started the workflow (deprecated)"),
    claim(3, "github-workflow-sha", "commit of the workflow (deprecated)"),
    claim(4, "github-workflow-name", "name of the workflow (deprecated)"),
    claim(5, "github-workflow-repository", "repository of the workflow (deprecated)"),
    claim(6, "github-workflow-ref", "ref of the workflow (deprecated)"),
    claim(8, "issuer", "issuer of the identity token"),
    claim(9, "build-signer-uri", "build instructions that signed"),
    claim(10, "build-signer-digest", "commit of the build instructions that signed"),
    claim(11, "runner-environment", "github-hosted, gitlab-hosted or self-hosted"),
    claim(12, "source-repository-uri", "repository that was built"),
    claim(13, "source-repository-digest", "commit that was built"),
    claim(14, "source-repository-ref", "ref that was built"),
    claim(15, "source-repository-identifier", "immutable id of the repository"),
    claim(16, "source-repository-owner-uri", "owner of the repository"),
    claim(17, "source-repository-owner-identifier", "immutable id of the owner"),
    claim(18, "build-config-uri", "top-level build instructions"),
    claim(19, "build-config-digest", "commit of the top-level build instructions"),
    claim(20, "build-trigger", "event that started the build"),
    claim(21, "run-invocation-uri", "the run"),
    claim(22, "source-repository-visibility", "public, private or internal, when signed"),
    claim(23, "deployment-environment", "deployment target"),
    claim(24, "token-subject", "subject of the identity token"),
];

impl Claim {
    /// Whether the extension holds the text itself, without DER.
    pub const fn is_raw(self) -> bool {
        self.arc <= 6
    }

    /// The claim of a policy name.
    pub fn by_name(name: &str) -> Option<Self> {
        CLAIMS.into_iter().find(|claim| claim.name == name)
    }

    /// The claim of an extension's last arc.
    pub fn by_arc(arc: u8) -> Option<Self> {
        CLAIMS.into_iter().find(|claim| claim.arc == arc)
    }
}

/// The claims of one certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FulcioClaims {
    values: Vec<(Claim, String)>,
}

impl FulcioClaims {
    /// Reads every known extension; one that cannot be read is an error, an unknown arc is left alone.
    pub fn read(certificate: &Certificate) -> Result<Self, CertificateError> {
        let mut values = Vec::new();
        for (arc, bytes) in &certificate.extensions().fulcio {
            let Some(claim) = Claim::by_arc(*arc) else { continue };
            let malformed = || CertificateError::FulcioExtension { arc: *arc };
            let text = if claim.is_raw() {
                std::str::from_utf8(bytes).map_err(|_| malformed())?
            } else {
                let mut reader = Reader::new(bytes);
                let text = reader.utf8().map_err(|_| malformed())?;
                reader.finish().map_err(|_| malformed())?;
                text
            };
            values.push((claim, text.to_owned()));
        }
        let claims = Self { values };
        match (claims.by_arc(1), claims.by_arc(8)) {
            (Some(v1), Some(v2)) if v1 != v2 => {
                Err(CertificateError::IssuerConflict { v1: v1.to_owned(), v2: v2.to_owned() })
            }
            _ => Ok(claims),
        }
    }

    fn by_arc(&self, arc: u8) -> Option<&str> {
        self.values.iter().find(|(claim, _)| claim.arc == arc).map(|(_, value)| value.as_str())
    }

    /// The issuer of the identity token: `.8`, or `.1` where an old certificate has only that.
    pub fn issuer(&self) -> Option<&str> {
        self.by_arc(8).or_else(|| self.by_arc(1))
    }

    /// The value of a claim by its policy name.
    pub fn value(&self, name: &str) -> Option<&str> {
        match name {
            "issuer" => self.issuer(),
            _ => self.values.iter().find(|(claim, _)| claim.name == name).map(|(_, value)| value.as_str()),
        }
    }

    /// Every claim that the certificate has, by arc as found.
    pub fn iter(&self) -> impl Iterator<Item = (Claim, &str)> {
        self.values.iter().map(|(claim, value)| (*claim, value.as_str()))
    }
}
