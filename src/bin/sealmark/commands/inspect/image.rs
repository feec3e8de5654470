//! What is attached to an image.

use sealmark::admit::image::{Lookup, Place, fetch, resolve};
use sealmark::format::bundle::Content;
use sealmark::format::bundle::UnverifiedBundle;
use sealmark::format::intoto::Statement;
use sealmark::format::oci::ImageRef;
use sealmark::sign::image::SIGNATURE_PREDICATE;

use super::{Candidate, Inspected, show};
use crate::cli::Inspect;
use crate::report::claimed::{LEGACY, Readable};
use crate::report::{Failure, Problem, Verdict, console};
use crate::settings::{self, Registries};

pub(super) fn run(args: &Inspect, text: &str) -> Result<u8, Failure> {
    let reference = ImageRef::parse(text)?;
    let registries = Registries::named(&args.registry, &args.place, std::slice::from_ref(&reference))?;
    let found = settings::runtime()?.block_on(async {
        let image = resolve(&*registries.store, &reference).await?;
        let mut lookup = Lookup::of(&image);
        if let Some(repository) = &registries.signatures {
            lookup = lookup.signatures_in(repository.clone());
        }
        let mut candidates = fetch(&*registries.store, lookup).await?;
        candidates.fetch_legacy(&*registries.store).await;
        Ok((image, candidates))
    });
    let (image, candidates) =
        found.map_err(|error: sealmark::admit::image::ImageError| Failure::from(error).about_image(text))?;
    let name = image.to_string();
    let signatures = candidates.found().iter().map(|found| match &found.bundle {
        Ok(bundle) => {
            let mut candidate = Candidate::of(bundle, verify(bundle, &name));
            if matches!(found.place, Place::Legacy { .. }) {
                candidate.claimed.version = LEGACY;
            }
            Readable::Yes(Candidate { place: Some(found.place.to_string()), ..candidate })
        }
        Err(error) => Readable::No { error: Problem::from(error.clone()) },
    });
    let failures: Vec<_> = candidates.unread().iter().map(Failure::from).collect();
    let inspected = Inspected {
        image: Some(name.clone()),
        errors: failures.iter().map(Problem::from).collect(),
        ..Inspected::of(reference.to_string(), signatures.collect())
    };
    if inspected.signatures.is_empty() && failures.is_empty() {
        console::words(&format!("nothing that is attached to {image} is a signature or attestation"));
    }
    show(&inspected, args)?;
    failures.iter().for_each(console::failure);
    Ok(if failures.is_empty() { 0 } else { Verdict::Undecided.exit_code() })
}

/// The words before those that say whom to expect.
fn verify(bundle: &UnverifiedBundle, image: &str) -> Vec<String> {
    let predicate_type = match bundle.claimed_content() {
        Content::Dsse(envelope) => Statement::parse(&envelope.payload).ok().map(|statement| statement.predicate_type),
        Content::Message { .. } | Content::SimpleSigning { .. } => None,
    };
    let words: &[&str] = match predicate_type.as_deref() {
        None | Some(SIGNATURE_PREDICATE) => &["verify", "image", image],
        Some(kind) => &["verify", "attestation", image, "--type", kind],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}
