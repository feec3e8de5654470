//! The names of keys that do not stand in files.

use std::path::PathBuf;
use std::sync::Arc;

use super::external::ExternalSigner;
use super::remote::{aws::AwsKey, azure::AzureKey, google::GoogleKey, vault::TransitKey};
use super::{Signer, SignerError};
use crate::service::environment::Environment;
use crate::service::http::HttpClient;

/// A way to name a key, and what is known of it: the manual's table.
#[derive(Debug, Clone, Copy)]
pub struct Backend {
    /// How its names begin.
    pub scheme: &'static str,
    /// How a key is named.
    pub form: &'static str,
    /// Where the key is.
    pub holder: &'static str,
    /// The kinds of key.
    pub kinds: &'static str,
    /// What says who asks.
    pub credentials: &'static str,
    /// What it was run against.
    pub run_against: &'static str,
    /// The test.
    pub test: &'static str,
}

const EC_RSA: &str = "P-256, P-384, P-521, RSA";
const ALL: &str = "P-256, P-384, P-521, RSA, Ed25519";

/// Every way to name a key.
pub const BACKENDS: &[Backend] = &[
    Backend {
        scheme: "",
        form: "FILE",
        holder: "a PEM file: PKCS#8, SEC 1, PKCS#1, PKCS#8 by PBES2 (PBKDF2 or scrypt), or cosign's form",
        kinds: ALL,
        credentials: "--key-password-file, SEALMARK_KEY_PASSWORD, COSIGN_PASSWORD, or the terminal",
        run_against: "openssl, which wrote each form (`what_openssl_writes_is_read`); cosign 3.1.3, both ways",
        test: "cosign_reads_ours_and_we_read_its",
    },
    Backend {
        scheme: "env://",
        form: "env://NAME",
        holder: "a variable that holds it in PEM",
        kinds: ALL,
        credentials: "SEALMARK_KEY_PASSWORD, COSIGN_PASSWORD",
        run_against: "keys of openssl, cosign and ours",
        test: "a_key_in_a_variable",
    },
    Backend {
        scheme: "exec:",
        form: "exec:PROGRAM[?key=NAME]",
        holder: "whatever PROGRAM reaches (protocol sealmark.signer/v1)",
        kinds: ALL,
        credentials: "the program's own",
        run_against: "a program over openssl: the one below",
        test: "the_manuals_program_signs",
    },
    Backend {
        scheme: "pkcs11:",
        form: "pkcs11:token=TOKEN;object=LABEL[?module-path=FILE&pin-source=file:FILE]",
        holder: "a PKCS#11 token (RFC 7512); feature `pkcs11`, not in the static build",
        kinds: ALL,
        credentials: "pin-source, SEALMARK_PKCS11_PIN; PKCS11_MODULE_PATH",
        run_against: "softhsm2, by the program (each kind; wrong PINs, keys and modules), and by the library (`a_token_signs`)",
        test: "a_token_of_softhsm_signs",
    },
    Backend {
        scheme: "hashivault://",
        form: "hashivault://KEY[?version=N]",
        holder: "the transit engine of Vault or OpenBao",
        kinds: ALL,
        credentials: "VAULT_ADDR, VAULT_TOKEN or ~/.vault-token, VAULT_NAMESPACE, VAULT_CACERT, VAULT_CLIENT_CERT with VAULT_CLIENT_KEY, or the same of BAO_*; TRANSIT_SECRET_ENGINE_PATH",
        run_against: "a fake with the rules and words of Vault's source; OpenBao 2.4.0 where it was built (`tests/authorities/run`)",
        test: "vault_transit_signs",
    },
    Backend {
        scheme: "awskms://",
        form: "awskms://[HOST]/KEY (an id, `alias/NAME` or an ARN)",
        holder: "AWS KMS",
        kinds: "P-256, P-384, P-521, RSA, Ed25519 (messages of at most 4096 bytes)",
        credentials: "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION",
        run_against: "moto 5, taught to sign digests, P-256 to P-521 and RSA (`moto_signs`); a strict fake, which alone has Ed25519",
        test: "aws_kms_signs",
    },
    Backend {
        scheme: "gcpkms://",
        form: "gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N",
        holder: "Google Cloud KMS",
        kinds: "P-256, P-384, RSA by PKCS#1 v1.5 and SHA-256, Ed25519",
        credentials: "CLOUDSDK_AUTH_ACCESS_TOKEN, GOOGLE_OAUTH_ACCESS_TOKEN",
        run_against: "a fake with the rules and words of its reference",
        test: "google_kms_signs",
    },
    Backend {
        scheme: "azurekms://",
        form: "azurekms://VAULT_HOST/KEY[/VERSION]",
        holder: "Azure Key Vault",
        kinds: EC_RSA,
        credentials: "AZURE_ACCESS_TOKEN, or AZURE_TENANT_ID and AZURE_CLIENT_ID with AZURE_FEDERATED_TOKEN_FILE or AZURE_CLIENT_SECRET",
        run_against: "a fake with the rules and words of its reference",
        test: "azure_key_vault_signs",
    },
];

/// The name of a key that another program or service holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyReference(Place);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Program { program: PathBuf, key: String },
    Vault { name: String, version: Option<u64> },
    Aws { host: String, id: String },
    Google { name: String },
    Azure { vault: String, name: String },
    Token(String),
}

impl KeyReference {
    /// Reads a name; `None` when it is none of these: then it is a file, or `env://`.
    ///
    /// # Errors
    ///
    /// [`SignerError::Reference`], when the name is not whole.
    pub fn parse(text: &str) -> Option<Result<Self, SignerError>> {
        let mut named = BACKENDS.iter().filter(|backend| !["", "env://"].contains(&backend.scheme));
        let backend = named.find(|backend| text.starts_with(backend.scheme))?;
        let rest = text.get(backend.scheme.len()..).unwrap_or_default();
        let place = match backend.scheme {
            "exec:" => program(rest),
            "hashivault://" => vault(rest),
            "awskms://" => aws(rest),
            "gcpkms://" => google(rest),
            "azurekms://" => azure(rest),
            _ => Some(Place::Token(rest.to_owned())),
        };
        let unfit = || SignerError::Reference { name: text.to_owned(), form: backend.form };
        Some(place.map(Self).ok_or_else(unfit))
    }

    /// The key in a PKCS#11 token, and no other: it signs within the call.
    ///
    /// # Errors
    ///
    /// [`SignerError`]; [`SignerError::Reference`] when something else holds the key.
    pub fn open_token(&self, environment: &dyn Environment) -> Result<Arc<dyn Signer>, SignerError> {
        match &self.0 {
            #[cfg(feature = "pkcs11")]
            Place::Token(uri) => Ok(Arc::new(super::pkcs11::TokenKey::open(uri, environment)?)),
            #[cfg(not(feature = "pkcs11"))]
            Place::Token(_) => {
                let _ = environment;
                Err(SignerError::NoPkcs11)
            }
            _ => Err(SignerError::Reference { name: String::new(), form: "pkcs11:token=TOKEN;object=LABEL" }),
        }
    }

    /// Reads the public key, and gives what signs with the private one.
    ///
    /// # Errors
    ///
    /// [`SignerError`].
    pub async fn open(
        &self,
        http: &HttpClient,
        environment: &Arc<dyn Environment>,
    ) -> Result<Arc<dyn Signer>, SignerError> {
        let own = Arc::clone(environment);
        Ok(match &self.0 {
            Place::Program { program, key } => Arc::new(ExternalSigner::open(program, key).await?),
            Place::Vault { name, version } => Arc::new(TransitKey::open(name, *version, http, &**environment).await?),
            Place::Aws { host, id } => Arc::new(AwsKey::open(host, id, http, own).await?),
            Place::Google { name } => Arc::new(GoogleKey::open(name, http, &**environment).await?),
            Place::Azure { vault, name } => Arc::new(AzureKey::open(vault, name, http, &**environment).await?),
            #[cfg(feature = "pkcs11")]
            Place::Token(uri) => Arc::new(super::pkcs11::TokenKey::open(uri, &**environment)?),
            #[cfg(not(feature = "pkcs11"))]
            Place::Token(_) => return Err(SignerError::NoPkcs11),
        })
    }
}

/// Names of path segments: nothing in them leads elsewhere.
fn plain(text: &str) -> bool {
    let fit = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.len() <= 255 && text.chars().all(fit) && text.chars().any(|c| c != '.')
}

fn program(rest: &str) -> Option<Place> {
    let (program, key) = match rest.split_once('?') {
        Some((program, query)) => (program, query.strip_prefix("key=")?),
        None => (rest, ""),
    };
    (!program.is_empty()).then(|| Place::Program { program: PathBuf::from(program), key: key.to_owned() })
}

fn vault(rest: &str) -> Option<Place> {
    let (name, version) = match rest.split_once('?') {
        Some((name, query)) => (name, Some(query.strip_prefix("version=")?.parse().ok()?)),
        None => (rest, None),
    };
    plain(name).then(|| Place::Vault { name: name.to_owned(), version })
}

fn aws(rest: &str) -> Option<Place> {
    let (host, id) = rest.split_once('/')?;
    let fit = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    let host_fits = host.chars().all(|c| c.is_ascii_alphanumeric() || "-.:".contains(c));
    (host_fits && !id.is_empty() && id.len() <= 2048 && id.chars().all(fit))
        .then(|| Place::Aws { host: host.to_owned(), id: id.to_owned() })
}

/// cosign's names have `versions` where Google's have `cryptoKeyVersions`.
fn google(rest: &str) -> Option<Place> {
    let parts: Vec<&str> = rest.split('/').collect();
    let ["projects", project, "locations", location, "keyRings", ring, "cryptoKeys", key, versions, version] =
        parts[..]
    else {
        return None;
    };
    let named = matches!(versions, "versions" | "cryptoKeyVersions");
    (named && [location, ring, key, version].into_iter().all(plain) && project.split(':').all(plain)).then(|| {
        let name = format!(
            "projects/{project}/locations/{location}/keyRings/{ring}/cryptoKeys/{key}/cryptoKeyVersions/{version}"
        );
        Place::Google { name }
    })
}

fn azure(rest: &str) -> Option<Place> {
    let (host, name) = rest.split_once('/')?;
    let scheme = if host.starts_with("127.0.0.1:") { "http" } else { "https" };
    let parts: Vec<&str> = name.split('/').collect();
    let host_fits = host.chars().all(|c| c.is_ascii_alphanumeric() || "-.:".contains(c)) && !host.is_empty();
    (host_fits && parts.len() <= 2 && parts.iter().all(|part| plain(part)))
        .then(|| Place::Azure { vault: format!("{scheme}://{host}"), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys() {
        let google = "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k";
        for good in [
            "exec:/usr/bin/signer",
            "exec:signer?key=release",
            "hashivault://release",
            "hashivault://release?version=3",
            "awskms:///alias/release",
            "awskms://127.0.0.1:4566/1234abcd",
            "awskms:///arn:aws:kms:us-east-2:111122223333:key/1234abcd",
            &format!("{google}/cryptoKeyVersions/1"),
            &format!("{google}/versions/1"),
            "azurekms://acme.vault.azure.net/release",
            "azurekms://acme.vault.azure.net/release/0123456789abcdef",
            "pkcs11:token=t;object=o",
        ] {
            assert!(matches!(KeyReference::parse(good), Some(Ok(_))), "{good}");
        }
        for bad in [
            "exec:",
            "exec:a?name=b",
            "hashivault://",
            "hashivault://a/../b",
            "hashivault://..",
            "hashivault://a?version=x",
            "awskms://alias",
            "awskms:///",
            "awskms://a@b/c",
            "awskms:///a?b",
            google,
            &format!("{google}/cryptoKeyVersions/.."),
            "azurekms://acme.vault.azure.net",
            "azurekms://acme.vault.azure.net/a/b/c",
            "azurekms://u@v/a",
        ] {
            let error = KeyReference::parse(bad).unwrap().unwrap_err();
            assert_eq!((error.code().name(), error.code().exit_code()), ("signer-key-name", 2), "{bad}");
        }
        assert!(
            ["release.key", "./exec", "env://KEY", "http://x"].iter().all(|file| KeyReference::parse(file).is_none())
        );
    }
}
