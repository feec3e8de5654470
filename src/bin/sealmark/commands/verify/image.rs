//! `verify image`, `verify attestation`: each reference is resolved once, what is attached to it is fetched and
//! judged; the verdict names the digest to deploy.

use std::sync::Arc;

use sealmark::admit::image::{Found, ImageDecision, ImageError, Lookup, Wanted, look_all, resolve};
use sealmark::base::code::Code;
use sealmark::format::oci::{Descriptor, DigestRef, ImageRef, Manifest, OciError, Platform, Repository};
use sealmark::service::store::ArtifactStore;
use sealmark::sign::image::{find, with_children};
use sealmark::verify::Step;
use thiserror::Error;
use tokio::task::JoinSet;

use super::judge::{self, Question};
use super::{policy_line, summary, waivers};
use crate::cli::{
    Format, GroundArgs, ImageSelection, RegistryArgs, SignaturePlace, SummaryArgs, VerifyAttestation, VerifyImage,
};
use crate::commands::attest::typed;
use crate::report::evidence::{Check, Status};
use crate::report::{
    ArtifactVerdict, CandidateVerdict, Failure, Problem, StepShown, StepStatus, Verdict, Verdicts, console, human,
    print_json,
};
use crate::settings::{self, Registries};

/// What BuildKit calls the manifests in an index that are no images.
const BUILD_ATTESTATION: (&str, &str) = ("vnd.docker.reference.type", "attestation-manifest");

/// Why there is no such image in an index.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SelectionError {
    /// Not `OS/ARCH` or `OS/ARCH/VARIANT`.
    #[error("{text:?} is no platform")]
    Platform { text: String },
    /// One image, not an index.
    #[error("{image} is one image, not an index over platforms")]
    NoIndex { image: DigestRef },
    /// No image for the platform.
    #[error("{image} has no image for {platform}: it has {there}")]
    NoPlatform { image: DigestRef, platform: Platform, there: String },
}

impl SelectionError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Platform { .. } => {
                Code::usage("platform-parse", "write OS/ARCH, such as linux/arm64 or linux/arm/v7")
            }
            Self::NoIndex { .. } => {
                Code::refused("platform-not-found", "`sealmark tree` shows the platforms of an image")
            }
            Self::NoPlatform { .. } => {
                Code::refused("platform-not-found", "`sealmark tree` shows the platforms of an image")
            }
        }
    }
}

pub(in crate::commands) fn image(args: &VerifyImage) -> Result<u8, Failure> {
    signatures(&Asked::of(args)?)
}

pub(in crate::commands) fn attestation(args: &VerifyAttestation) -> Result<u8, Failure> {
    run(&Asked::of(&args.image)?, Wanted::Attestations(typed(&args.predicate_type)?))
}

/// What the flags of a command ask.
#[derive(Debug, Clone)]
pub(in crate::commands) struct Asked<'a> {
    pub(in crate::commands) references: Vec<ImageRef>,
    pub(in crate::commands) selection: &'a ImageSelection,
    pub(in crate::commands) place: &'a SignaturePlace,
    pub(in crate::commands) grounds: &'a GroundArgs,
    pub(in crate::commands) registry: &'a RegistryArgs,
    pub(in crate::commands) format: Format,
    pub(in crate::commands) explain: bool,
    /// Flags of a summary in place of a report.
    pub(in crate::commands) summary: Option<&'a SummaryArgs>,
}

impl<'a> Asked<'a> {
    fn of(args: &'a VerifyImage) -> Result<Self, Failure> {
        summary::check(&args.summary, true)?;
        Ok(Self {
            references: args.images.iter().map(|text| ImageRef::parse(text)).collect::<Result<Vec<_>, _>>()?,
            selection: &args.selection,
            place: &args.place,
            grounds: &args.grounds,
            registry: &args.registry,
            format: args.report.format.format,
            explain: args.report.explain,
            summary: Some(&args.summary).filter(|summary| summary.output.is_some()),
        })
    }
}

/// Asks about signatures; a policy says itself what it asks for.
pub(in crate::commands) fn signatures(asked: &Asked<'_>) -> Result<u8, Failure> {
    let wanted = if asked.grounds.expected.policy.is_some() { Wanted::Anything } else { Wanted::Signatures };
    run(asked, wanted)
}

fn run(args: &Asked<'_>, wanted: Wanted) -> Result<u8, Failure> {
    let expected = settings::expected(args.grounds)?;
    let references = &args.references;
    let signed_as = args.selection.signed_as.iter().map(|text| Repository::parse(text));
    let signed_as = signed_as.collect::<Result<Vec<_>, OciError>>()?;
    let platform = args.selection.platform.as_deref().map(platform).transpose()?;
    let select = match platform {
        Some(platform) => Select::Platform(platform),
        None if args.selection.recursive => Select::Everything,
        None => Select::Named,
    };
    let anchor = settings::trust(&args.grounds.trust)?;
    let verifier = expected.verifier(&anchor)?;
    let registries = Registries::named(args.registry, args.place, references)?;
    let waivers = waivers(&args.grounds.waivers);
    let question = Question {
        verifier: &verifier,
        trust: &expected.trust,
        bundle: None,
        predicate_type: None,
        version: args.grounds.expected.expect_version.as_deref(),
        policy: policy_line(&expected),
        trust_root: &anchor.source,
        now: settings::now(),
    };
    let now = question.now;
    let ask = Ask { question, registries: registries.clone(), select, signed_as, wanted };
    let (artifacts, left_out) = settings::runtime()?.block_on(ask.all(references));
    let mut verdicts = Verdicts::of(artifacts).under(&anchor.source, &expected.source, waivers);
    left_out.iter().for_each(|manifest| console::words(&format!("left out: {manifest}")));
    verdicts.left_out = left_out;
    match (args.summary, args.format) {
        (Some(flags), _) => {
            summary::print(flags, &verdicts, &expected, &args.grounds.trust, Some(&registries), now)?;
        }
        (None, Format::Json) => print_json(&verdicts)?,
        (None, Format::Human) => console::data(&human::report(&verdicts, args.explain))?,
    }
    human::words(&verdicts);
    Ok(verdicts.verdict.exit_code())
}

/// The verdicts about images in a store, each by its own signatures.
pub(super) fn in_store(
    question: Question<'_>,
    store: Arc<dyn ArtifactStore>,
    images: &[DigestRef],
    wanted: Wanted,
) -> Result<Vec<ArtifactVerdict>, Failure> {
    let registries = Registries { store, signatures: None };
    let ask = Ask { question, registries, select: Select::Named, signed_as: Vec::new(), wanted };
    let references: Vec<_> = images.iter().cloned().map(ImageRef::Digested).collect();
    Ok(settings::runtime()?.block_on(ask.all(&references)).0)
}

pub(in crate::commands) fn platform(text: &str) -> Result<Platform, SelectionError> {
    let parts: Vec<_> = text.split('/').collect();
    let (os, architecture, variant) = match parts.as_slice() {
        [os, architecture] => (os, architecture, None),
        [os, architecture, variant] => (os, architecture, Some((*variant).to_owned())),
        _ => return Err(SelectionError::Platform { text: text.to_owned() }),
    };
    Ok(Platform { os: (*os).to_owned(), architecture: (*architecture).to_owned(), variant })
}

/// Which manifests of a reference.
#[derive(Debug, Clone)]
enum Select {
    /// The one that it names.
    Named,
    /// An index and all below it.
    Everything,
    /// The one for a platform.
    Platform(Platform),
}

/// What is to be verified.
#[derive(Debug)]
struct Target {
    name: String,
    image: DigestRef,
    /// By what name it was asked for.
    asked: ImageRef,
    /// The index that lists it, whose signature speaks for it too.
    index: Option<DigestRef>,
}

/// What a reference leads to: targets, and manifests that are no images.
type Expanded = Result<(Vec<Target>, Vec<String>), Failure>;

struct Ask<'a> {
    question: Question<'a>,
    registries: Registries,
    select: Select,
    signed_as: Vec<Repository>,
    wanted: Wanted,
}

impl Ask<'_> {
    async fn all(&self, references: &[ImageRef]) -> (Vec<ArtifactVerdict>, Vec<String>) {
        let mut verdicts = Vec::new();
        let mut left_out = Vec::new();
        for (reference, expanded) in references.iter().zip(self.expand_all(references).await) {
            match expanded {
                Ok((targets, others)) => {
                    left_out.extend(others);
                    verdicts.extend(targets.into_iter().map(Ok));
                }
                Err(failure) => {
                    let name = reference.to_string();
                    let failure = failure.about_image(&name);
                    verdicts.push(Err(judge::refused(name, None, Vec::new(), failure)));
                }
            }
        }
        let lookups =
            verdicts.iter().filter_map(|one| one.as_ref().ok()).map(|target| self.lookup(&target.image, &target.asked));
        let mut decisions = self.look(lookups.collect()).await.into_iter();
        let mut judged = Vec::new();
        for one in verdicts {
            judged.push(match one {
                Err(verdict) => verdict,
                Ok(target) => match decisions.next() {
                    Some(decision) => self.judge(target, decision).await,
                    None => continue,
                },
            });
        }
        (judged, left_out)
    }

    fn lookup(&self, image: &DigestRef, asked: &ImageRef) -> Lookup {
        let mut lookup = Lookup::of(image).asked_for(asked).wanted(self.wanted.clone());
        if let Some(repository) = &self.registries.signatures {
            lookup = lookup.signatures_in(repository.clone());
        }
        if let Some(version) = self.question.version {
            lookup = lookup.expecting_version(version);
        }
        self.signed_as.iter().fold(lookup, |lookup, name| lookup.signed_as(name.clone()))
    }

    async fn look(&self, lookups: Vec<Lookup>) -> Vec<Result<ImageDecision, ImageError>> {
        let Question { verifier, trust, now, .. } = self.question;
        look_all(&*self.registries.store, lookups, verifier, trust, now).await
    }

    /// Resolves every reference, all at once: the store bounds what goes out.
    async fn expand_all(&self, references: &[ImageRef]) -> Vec<Expanded> {
        let mut tasks = JoinSet::new();
        for (index, reference) in references.iter().cloned().enumerate() {
            let (store, select) = (Arc::clone(&self.registries.store), self.select.clone());
            tasks.spawn(async move { (index, expand(&*store, &reference, &select).await) });
        }
        let mut expanded = tasks.join_all().await;
        expanded.sort_by_key(|(index, _)| *index);
        expanded.into_iter().map(|(_, expanded)| expanded).collect()
    }

    async fn judge(&self, target: Target, decision: Result<ImageDecision, ImageError>) -> ArtifactVerdict {
        // Nothing there is a signature: what was attested stands for none.
        let unsigned = |error: Option<&ImageError>| {
            error.is_some_and(|error| ["image-unsigned", "attested-not-signed"].contains(&error.code().name()))
        };
        if let Some(index) = &target.index
            && let Ok(own) = &decision
            && unsigned(own.error())
            && let Some(Ok(of_index)) = self.look(vec![self.lookup(index, &target.asked)]).await.pop()
            && of_index.admitted().is_some()
        {
            return self.verdict(&target, &of_index, Some(index));
        }
        match decision {
            Ok(decision) => self.verdict(&target, &decision, None),
            Err(error) => {
                let failure = Failure::from(error).about_image(&target.name);
                let image = Some(target.image.to_string());
                ArtifactVerdict { image, ..judge::refused(target.name, None, Vec::new(), failure) }
            }
        }
    }

    /// The verdict about a target, by a decision about it or about the index that lists it.
    fn verdict(&self, target: &Target, decision: &ImageDecision, index: Option<&DigestRef>) -> ArtifactVerdict {
        let image = Some(target.image.to_string());
        let signatures = candidates(decision);
        judge::warn(decision.decision(), &target.name);
        let Some((verified, rule)) = decision.admitted() else {
            let failure = decision.error().cloned().map(Failure::from);
            let failure = failure.unwrap_or_else(|| Failure::usage("no verdict")).about_image(&target.name);
            return ArtifactVerdict { image, ..judge::refused(target.name.clone(), None, signatures, failure) };
        };
        let mut proof = self.question.proof(verified, rule, None);
        if let Some(index) = index {
            let detail = format!("{index} is what is signed, and it lists this image");
            proof.checks.insert(0, Check { name: "index", status: Status::Ok, detail });
        }
        if matches!(target.asked, ImageRef::Tagged(_)) {
            proof.not_checked.push("what the tag will name later: deploy the digest".to_owned());
        }
        ArtifactVerdict {
            artifact: target.name.clone(),
            image,
            bundle: signatures.iter().find(|one| one.verdict == Verdict::Verified).and_then(|one| one.place.clone()),
            verdict: Verdict::Verified,
            proof: Some(proof),
            signatures,
            error: None,
            failure: None,
        }
    }
}

async fn expand(store: &dyn ArtifactStore, reference: &ImageRef, select: &Select) -> Expanded {
    let asked = || reference.clone();
    let name = reference.to_string();
    let target = |name, image| Target { name, image, asked: asked(), index: None };
    match (select, reference) {
        (Select::Named, _) => Ok((vec![target(name, resolve(store, reference).await?)], Vec::new())),
        (Select::Platform(platform), _) => {
            let found = find(store, reference).await?;
            let index = found.image();
            let Manifest::Index(listed) = found.manifest.manifest() else {
                return Err(SelectionError::NoIndex { image: index.clone() }.into());
            };
            let Some(child) = listed.for_platform(platform) else {
                let platforms = listed.manifests.iter().filter_map(|listed| listed.platform.as_ref());
                let there = platforms.map(ToString::to_string).collect::<Vec<_>>().join(", ");
                return Err(
                    SelectionError::NoPlatform { image: index.clone(), platform: platform.clone(), there }.into()
                );
            };
            let image = index.repository().digested(child.digest)?;
            let target = Target { index: Some(index.clone()), ..target(format!("{name} ({platform})"), image) };
            Ok((vec![target], Vec::new()))
        }
        (Select::Everything, _) => {
            let all = with_children(store, find(store, reference).await?).await?;
            let no_images: Vec<_> =
                all.iter().flat_map(|parent| build_attestations(parent.manifest.manifest())).collect();
            let mut targets = Vec::new();
            let mut left_out = Vec::new();
            for (place, one) in all.iter().enumerate() {
                let image = one.image().clone();
                if no_images.contains(&image.digest()) {
                    left_out.push(format!("{image}: a build attestation, not an image"));
                    continue;
                }
                let name = match &one.platform {
                    _ if place == 0 => name.clone(),
                    Some(platform) => format!("{name} ({platform})"),
                    None => format!("{name} ({})", image.digest()),
                };
                targets.push(target(name, image));
            }
            Ok((targets, left_out))
        }
    }
}

/// Manifests in an index that no platform runs: BuildKit's, for `unknown/unknown` and named so.
fn build_attestations(manifest: &Manifest) -> Vec<&sealmark::base::crypto::Digest> {
    let Manifest::Index(index) = manifest else { return Vec::new() };
    let (name, value) = BUILD_ATTESTATION;
    let nowhere = |platform: &Platform| platform.os == "unknown" && platform.architecture == "unknown";
    let is_one = |listed: &&Descriptor| {
        listed.annotations.get(name).is_some_and(|found| found == value)
            && listed.platform.as_ref().is_some_and(nowhere)
    };
    index.manifests.iter().filter(is_one).map(|listed| &listed.digest).collect()
}

/// Every candidate with its checklist, then what could not be looked at.
fn candidates(decision: &ImageDecision) -> Vec<CandidateVerdict> {
    let shown = |(number, found): (usize, &Found)| {
        let place = Some(found.place.to_string());
        let decided = decision.places().iter().position(|place| *place == number);
        let candidate = decided.and_then(|at| decision.decision().candidates().get(at));
        match (candidate, &found.bundle) {
            (Some(candidate), bundle) => {
                CandidateVerdict { number: number + 1, place, ..judge::candidate(candidate, bundle.as_ref().ok()) }
            }
            (None, bundle) => {
                let status = |step| if step == Step::Bundle { StepStatus::Failed } else { StepStatus::NotReached };
                CandidateVerdict {
                    number: number + 1,
                    place,
                    verdict: Verdict::Refused,
                    steps: Step::ALL.map(|step| StepShown { step: step.name(), status: status(step) }).into(),
                    error: bundle.as_ref().err().cloned().map(Problem::from),
                }
            }
        }
    };
    let mut all: Vec<_> = decision.found().iter().enumerate().map(shown).collect();
    for unread in decision.unread() {
        all.push(CandidateVerdict {
            number: all.len() + 1,
            place: None,
            verdict: Verdict::Undecided,
            steps: Vec::new(),
            error: Some(Problem::from(&Failure::from(unread))),
        });
    }
    all
}
