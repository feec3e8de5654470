//! A case of `testdata/bundles`.

use std::fs;
use std::path::{Path, PathBuf};

use sealmark::admit::{Decision, Trust, decide};
use sealmark::base::crypto::PublicKey;
use sealmark::base::time::UnixTime;
use sealmark::format::bundle::{BundleError, UnverifiedBundle};
use sealmark::format::trust::TrustedRoot;
use sealmark::policy::{Matcher, Policy, Rule};
use sealmark::verify::{Artifact, KeyTrust, Verifier};

/// 2030-01-01T00:00:00Z: after the bundles were made, so that it does not matter when the tests run.
pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_893_456_000);

/// A folder with a bundle and what it is held against.
pub(crate) struct Case {
    pub(crate) name: String,
    /// The code of the refusal; `None` for a good one.
    pub(crate) error: Option<String>,
    folder: PathBuf,
}

/// The folder of the cases.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bundles")
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

impl Case {
    /// Every case, by name.
    pub(crate) fn all() -> Vec<Self> {
        let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
        let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
        folders.sort();
        let read = |folder: PathBuf| Self {
            name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            error: fs::read_to_string(folder.join("error")).ok().map(|code| code.trim().to_owned()),
            folder,
        };
        folders.into_iter().map(read).collect()
    }

    /// A file of the case: its own, or the parent's.
    fn path(&self, name: &str) -> PathBuf {
        let own = self.folder.join(name);
        if own.is_file() { own } else { root().join(name) }
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap().trim().to_owned()
    }

    /// The bytes of the bundle.
    pub(crate) fn bundle(&self) -> Vec<u8> {
        fs::read(self.folder.join("bundle.sigstore.json")).unwrap()
    }

    /// The artifact.
    pub(crate) fn artifact(&self) -> Vec<u8> {
        fs::read(self.path("artifact")).unwrap()
    }

    /// What believes the case's trusted root.
    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new(&TrustedRoot::parse(&fs::read(self.path("trusted_root.json")).unwrap()).unwrap()).unwrap()
    }

    /// Who must have signed.
    pub(crate) fn trust(&self) -> Trust {
        if let Ok(pem) = fs::read_to_string(self.folder.join("key.pub")) {
            return Trust::Key(Box::new(KeyTrust::logged(PublicKey::from_pem(&pem).unwrap())));
        }
        let exact = |name: &str| Matcher::exact(&self.text(name)).unwrap();
        let rule = Rule::named("case").identity(exact("identity")).issuer(exact("issuer"));
        Trust::Policy(Policy::of(rule.build().unwrap()))
    }

    /// The code of the refusal, if it is refused.
    pub(crate) fn refusal(&self) -> Option<String> {
        let bundles = match UnverifiedBundle::parse_lines(&self.bundle()) {
            Ok(bundles) => bundles,
            Err(error) => return Some(BundleError::code(&error).name().to_owned()),
        };
        let artifact = self.artifact();
        let artifact = Artifact::from_bytes(&artifact);
        let decision: Decision = decide(&self.verifier(), &self.trust(), &artifact, &bundles, NOW);
        decision.refused().map(|reason| reason.code().name().to_owned())
    }

    /// The arguments of the command line that ask the same.
    pub(crate) fn args(&self) -> Vec<String> {
        let path = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let mut args: Vec<String> = ["verify", "blob"].map(str::to_owned).to_vec();
        args.extend([path("artifact"), "--bundle".to_owned(), path("bundle.sigstore.json")]);
        args.extend(["--trusted-root".to_owned(), path("trusted_root.json")]);
        if self.folder.join("key.pub").is_file() {
            args.extend(["--key".to_owned(), path("key.pub")]);
        } else {
            args.extend(["--identity".to_owned(), self.text("identity")]);
            args.extend(["--issuer".to_owned(), self.text("issuer")]);
        }
        args
    }
}
