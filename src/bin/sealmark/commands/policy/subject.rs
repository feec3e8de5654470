//! What a policy is asked about: a file with its bundles, or an image with what is attached to it. An image is fetched
//! as `verify image` fetches it and decided by the same function; several policies are asked about one fetching.

use std::path::{Path, PathBuf};

use sealmark::admit::image::{Candidates, ImageDecision, Lookup, fetch, resolve};
use sealmark::format::oci::ImageRef;
use tokio::runtime::Runtime;

use super::Asked;
use crate::artifact::{Artifact, image_named};
use crate::cli::PlacesArgs;
use crate::report::{ArtifactVerdict, Failure, Verdict};
use crate::settings::{self, Registries, TrustAnchor};

/// A file or an image.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    File(Artifact),
    Image(ImageRef),
}

impl Subject {
    /// An argument that is no file and has a host or a digest is an image.
    pub(super) fn named(argument: &Path) -> Result<Self, Failure> {
        match image_named(argument) {
            Some(name) => Ok(Self::Image(settings::image(name)?)),
            None => Ok(Self::File(Artifact::named(argument))),
        }
    }

    /// Those of the arguments, patterns of files expanded.
    pub(super) fn all(arguments: &[PathBuf]) -> Result<Vec<Self>, Failure> {
        let mut all = Vec::new();
        for argument in arguments {
            match image_named(argument) {
                Some(_) => all.push(Self::named(argument)?),
                None => all.extend(Artifact::all(std::slice::from_ref(argument))?.into_iter().map(Self::File)),
            }
        }
        Ok(all)
    }

    /// How it is called in reports.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(artifact) => artifact.name(),
            Self::Image(reference) => reference.to_string(),
        }
    }

    fn image(&self) -> Option<&ImageRef> {
        match self {
            Self::File(_) => None,
            Self::Image(reference) => Some(reference),
        }
    }
}

/// A policy's answer, for comparing.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) verdict: Verdict,
    pub(super) rule: Option<String>,
    pub(super) failure: Option<Failure>,
}

impl Answer {
    pub(super) fn no(failure: Failure) -> Self {
        Self { verdict: failure.code().class().into(), rule: None, failure: Some(failure) }
    }

    /// The reason's code.
    pub(super) fn reason(&self) -> Option<&'static str> {
        self.failure.as_ref().map(|failure| failure.code().name())
    }
}

impl From<ArtifactVerdict> for Answer {
    fn from(verdict: ArtifactVerdict) -> Self {
        let rule = verdict.proof.and_then(|proof| proof.rule);
        Self { verdict: verdict.verdict, rule, failure: verdict.failure }
    }
}

impl From<&ImageDecision> for Answer {
    fn from(decision: &ImageDecision) -> Self {
        match (decision.admitted(), decision.error()) {
            (Some((_, rule)), _) => Self { verdict: Verdict::Verified, rule: rule.map(str::to_owned), failure: None },
            (None, Some(error)) => Self::no(error.clone().into()),
            (None, None) => Self::no(Failure::usage("no verdict")),
        }
    }
}

/// Where images are, and how they are asked for.
#[derive(Debug)]
pub(super) struct Images {
    registries: Registries,
    runtime: Runtime,
}

/// An image with what is attached to it.
#[derive(Debug)]
pub(super) struct Fetched<'i> {
    images: &'i Images,
    bundles: Candidates,
    /// With what older clients attached: asked for when the bundles are not enough.
    all: Option<Candidates>,
}

impl Images {
    /// Those of the subjects; none when all are files.
    pub(super) fn of(args: &PlacesArgs, subjects: &[Subject]) -> Result<Option<Self>, Failure> {
        let images: Vec<ImageRef> = subjects.iter().filter_map(Subject::image).cloned().collect();
        if images.is_empty() {
            return Ok(None);
        }
        match &args.layout {
            Some(path) => Self::layout(path).map(Some),
            None => Self::in_registries(args, &images).map(Some),
        }
    }

    pub(super) fn layout(path: &Path) -> Result<Self, Failure> {
        Ok(Self { registries: Registries::layout(path)?, runtime: settings::runtime()? })
    }

    pub(super) fn in_registries(args: &PlacesArgs, images: &[ImageRef]) -> Result<Self, Failure> {
        Ok(Self { registries: Registries::named(&args.registry, &args.place, images)?, runtime: settings::runtime()? })
    }

    /// Resolves a name once, and fetches what is attached to the digest.
    pub(super) fn fetch(&self, reference: &ImageRef, version: Option<&str>) -> Result<Fetched<'_>, Failure> {
        let store = &*self.registries.store;
        let fetched = self.runtime.block_on(async {
            let image = resolve(store, reference).await?;
            let mut lookup = Lookup::of(&image).asked_for(reference);
            if let Some(repository) = &self.registries.signatures {
                lookup = lookup.signatures_in(repository.clone());
            }
            if let Some(version) = version {
                lookup = lookup.expecting_version(version);
            }
            fetch(store, lookup).await
        });
        let bundles = fetched.map_err(|error| Failure::from(error).about(&reference.to_string()))?;
        Ok(Fetched { images: self, bundles, all: None })
    }
}

impl Fetched<'_> {
    /// A policy's decision, and what it is over: bundles alone where they are enough, as everywhere.
    pub(super) fn decide(&mut self, asked: &Asked) -> (ImageDecision, &Candidates) {
        let now = settings::now();
        let decision = self.bundles.decide(&asked.verifier, &asked.trust, now);
        if decision.admitted().is_some() {
            return (decision, &self.bundles);
        }
        let all = self.everything();
        (all.decide(&asked.verifier, &asked.trust, now), all)
    }

    /// All that is attached, in every form.
    pub(super) fn everything(&mut self) -> &Candidates {
        let Self { images, bundles, all } = self;
        all.get_or_insert_with(|| {
            let mut all = bundles.clone();
            images.runtime.block_on(all.fetch_legacy(&*images.registries.store));
            all
        })
    }
}

impl Asked {
    /// The answers of several policies about one subject.
    pub(super) fn answers<const N: usize>(
        policies: [&Self; N],
        anchor: &TrustAnchor,
        images: Option<&Images>,
        subject: &Subject,
    ) -> [Answer; N] {
        match (subject, images) {
            (Subject::File(artifact), _) => {
                policies.map(|asked| asked.question(anchor, None, None).judge(artifact).into())
            }
            (Subject::Image(_), None) => policies.map(|_| Answer::no(Failure::usage("no place for images"))),
            (Subject::Image(reference), Some(images)) => match images.fetch(reference, None) {
                Ok(mut fetched) => policies.map(|asked| Answer::from(&fetched.decide(asked).0)),
                Err(failure) => policies.map(|_| Answer::no(failure.clone())),
            },
        }
    }
}
