//! `verify pack`: everything in an archive, without network.

use std::fs::File;
use std::io;
use std::sync::Arc;

use sealmark::admit::Trust;
use sealmark::admit::image::Wanted;
use sealmark::base::code::Code;
use sealmark::base::crypto::{Digest, DigestAlgorithm};
use sealmark::carry::pack::{self, Pack, PackersWord};
use sealmark::policy::Policy;
use sealmark::service::store::ArtifactStore;
use sealmark::verify::Verifier;
use thiserror::Error;

use super::judge::{self, Question};
use super::{image, policy_line, waivers};
use crate::artifact::Artifact;
use crate::cli::{Format, VerifyPack};
use crate::commands::folder::Folder;
use crate::files::FileError;
use crate::report::{ArtifactVerdict, Failure, Verdicts, console, human, print_json};
use crate::settings::{self, Expected, TrustAnchor};

/// A digest that no pack can have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is no SHA-256 digest")]
pub(crate) struct PackDigestError {
    text: String,
}

impl PackDigestError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        Code::usage("digest-format", "write it as sha256:0123…, all 64 digits in lower case")
    }
}

/// What a pack is held against.
#[derive(Debug)]
pub(in crate::commands) struct Packed {
    pub(in crate::commands) expected: Expected,
    pub(in crate::commands) anchor: TrustAnchor,
    pub(in crate::commands) wanted: Wanted,
    pub(in crate::commands) version: Option<String>,
}

pub(in crate::commands) fn pack(args: &VerifyPack) -> Result<u8, Failure> {
    let pack = Pack::open(&args.file)?;
    let waivers = waivers(&args.grounds.waivers);
    let packed = match &args.pack_digest {
        Some(digest) => Packed {
            version: args.grounds.expected.expect_version.clone(),
            ..Packed::of(&pack.word(&parse(digest)?)?)?
        },
        None => Packed {
            wanted: if args.grounds.expected.policy.is_some() { Wanted::Anything } else { Wanted::Signatures },
            expected: settings::expected(&args.grounds)?,
            anchor: settings::trust(&args.grounds.trust)?,
            version: args.grounds.expected.expect_version.clone(),
        },
    };
    let verdicts = packed.verdicts(&pack)?.under(&packed.anchor.source, &packed.expected.source, waivers);
    match args.report.format.format {
        Format::Json => print_json(&verdicts)?,
        Format::Human => console::data(&human::report(&verdicts, args.report.explain))?,
    }
    human::words(&verdicts);
    Ok(verdicts.verdict.exit_code())
}

impl Packed {
    /// The packer's word.
    fn of(word: &PackersWord) -> Result<Self, Failure> {
        let source = "the pack's own policy".to_owned();
        let policy = Policy::parse(&word.policy).map_err(|error| Failure::from(error).about(&source))?;
        let expected = Expected { trust: Trust::Policy(policy), source, policy_digest: None };
        Ok(Self {
            expected,
            anchor: settings::packed_trust(&word.trusted_root)?,
            wanted: Wanted::Anything,
            version: None,
        })
    }

    /// The verdict about everything that the pack lists. An empty pack is no yes.
    pub(in crate::commands) fn verdicts(&self, pack: &Pack) -> Result<Verdicts, Failure> {
        let source = &self.anchor.source;
        let verifier = Verifier::new(&self.anchor.root).map_err(|error| Failure::from(error).about(source))?;
        let folder = Folder::make(None)?;
        let bundle = folder.path("file.sigstore.json");
        let question = |bundle| Question {
            verifier: &verifier,
            trust: &self.expected.trust,
            bundle,
            predicate_type: None,
            version: self.version.as_deref(),
            policy: policy_line(&self.expected),
            trust_root: source,
            now: settings::now(),
        };
        let mut verdicts = Vec::new();
        let contents = pack.contents();
        if !contents.images.is_empty() {
            let store: Arc<dyn ArtifactStore> = Arc::new(pack.images()?);
            let judged = image::in_store(question(None), Arc::clone(&store), &contents.images, self.wanted.clone())?;
            for (image, verdict) in contents.images.iter().zip(judged) {
                // What is proven is a digest; that all below it is here, and is it, is a second question.
                verdicts.push(match settings::runtime()?.block_on(pack::intact(&*store, image)) {
                    Ok(()) => verdict,
                    Err(error) => {
                        let failure = Failure::from(error).about(&verdict.artifact);
                        judge::refused(verdict.artifact, None, Vec::new(), failure)
                    }
                });
            }
        }
        for (place, name) in contents.files.iter().enumerate() {
            let verdict = unpack(pack, place, &folder).map(|()| {
                let judged = question(Some(&bundle)).judge_as(name.clone(), &Artifact::File(folder.path("file")));
                ArtifactVerdict { bundle: Some(format!("{name}.sigstore.json in the pack")), ..judged }
            });
            verdicts.push(
                verdict.unwrap_or_else(|failure| judge::refused(name.clone(), None, Vec::new(), failure.about(name))),
            );
        }
        Ok(Verdicts::of(verdicts))
    }
}

/// Writes a packed file and its bundles where they can be read as any other.
fn unpack(pack: &Pack, place: usize, folder: &Folder) -> Result<(), Failure> {
    let to = folder.path("file");
    let failed = |error: io::Error| FileError::Create { path: to.clone(), kind: error.kind() };
    let mut out = File::create(&to).map_err(failed)?;
    io::copy(&mut pack.file(place)?, &mut out).map_err(failed)?;
    let bundles = folder.path("file.sigstore.json");
    std::fs::write(&bundles, pack.bundles(place)?)
        .map_err(|error| FileError::Create { path: bundles.clone(), kind: error.kind() })?;
    Ok(())
}

fn parse(text: &str) -> Result<Digest, PackDigestError> {
    let sha256 = |digest: &Digest| digest.algorithm() == DigestAlgorithm::Sha256;
    let digest = Digest::parse(text).filter(sha256);
    digest.ok_or_else(|| PackDigestError { text: text.chars().take(100).collect() })
}
