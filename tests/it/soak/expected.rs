//! What is in force, as far as it can be known, and which answers it allows.

use std::sync::RwLock;

/// What is written anew.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    /// The repository whose release workflow is admitted; `None` is a file that is no policy.
    pub(super) policy: Option<&'static str>,
    /// Whether it is the root of the stack that signed; `None` is a file that is no root.
    pub(super) root: Option<bool>,
    /// A new certificate, or a pair that does not match.
    pub(super) certificate: bool,
}

/// A policy with a trusted root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InForce {
    /// The repository of the policy's signer.
    pub(super) signer: &'static str,
    /// SHA-256 of the policy's file, as the gate names it.
    pub(super) version: String,
    /// Whether the root is that of the stack that signed.
    pub(super) root: bool,
}

/// An image.
#[derive(Debug, Clone)]
pub(super) struct Image {
    /// By tag or digest.
    pub(super) reference: String,
    /// `REGISTRY/PATH@DIGEST` of what it may name: one, or those between which the tag is moved.
    pub(super) names: Vec<(String, Option<&'static str>)>,
    /// Whether its registry fails.
    pub(super) shaky: bool,
}

impl Image {
    pub(super) fn tagged(&self) -> bool {
        !self.reference.contains('@')
    }
}

/// What a webhook said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// With the references that it put in the place of tags.
    Yes(Vec<String>),
    No,
    CouldNotLook,
}

/// What may be in force now: one state, or two while the gate has not yet looked at new files.
#[derive(Debug, Default)]
pub(super) struct World(RwLock<Vec<InForce>>);

impl World {
    pub(super) fn set(&self, states: Vec<InForce>) {
        *self.0.write().unwrap() = states;
    }

    pub(super) fn states(&self) -> Vec<InForce> {
        self.0.read().unwrap().clone()
    }
}

/// Whether an answer about images is right under one of the states; `version` is the policy that it names. Who was
/// cut off by its deadline names none.
pub(super) fn is_right(said: &Said, images: &[&Image], version: Option<&str>, states: &[InForce]) -> bool {
    let Some(version) = version else {
        return *said == Said::CouldNotLook && images.iter().any(|image| image.shaky);
    };
    states.iter().filter(|state| state.version == version).any(|state| is_right_under(said, images, state))
}

fn is_right_under(said: &Said, images: &[&Image], state: &InForce) -> bool {
    let admitted = |signer: &Option<&str>| state.root && *signer == Some(state.signer);
    let may_be_admitted = |image: &&Image| image.names.iter().any(|(_, signer)| admitted(signer));
    let may_be_refused = |image: &&Image| image.names.iter().any(|(_, signer)| !admitted(signer));
    match said {
        Said::Yes(pinned) => {
            // What a tag was replaced by must itself be admitted.
            let good = |name: &String| {
                images.iter().any(|image| image.names.iter().any(|(of, signer)| of == name && admitted(signer)))
            };
            images.iter().all(may_be_admitted)
                && pinned.len() == images.iter().filter(|image| image.tagged()).count()
                && pinned.iter().all(good)
        }
        Said::No => images.iter().any(may_be_refused),
        // A refusal is told before what could not be looked at.
        Said::CouldNotLook => {
            images.iter().any(|image| image.shaky) && images.iter().all(|image| image.shaky || may_be_admitted(image))
        }
    }
}

#[test]
fn the_judge_of_verdicts_knows_wrong_ones() {
    let image = |digest: &str, signer, shaky| Image {
        reference: format!("r/a@{digest}"),
        names: vec![(format!("r/a@{digest}"), signer)],
        shaky,
    };
    let (good, other, unsigned) =
        (image("1", Some("app"), false), image("2", Some("other"), false), image("3", None, false));
    let (failing, bad) = (image("4", Some("app"), true), image("5", None, true));
    let tag = Image {
        reference: "r/a:v1".to_owned(),
        names: [good.names.clone(), unsigned.names.clone()].concat(),
        shaky: false,
    };
    let state = InForce { signer: "app", version: "1".to_owned(), root: true };
    let right = |said: &Said, images: &[&Image], state: &InForce| {
        is_right(said, images, Some("1"), std::slice::from_ref(state))
    };
    let yes = Said::Yes(Vec::new());
    assert!(right(&yes, &[&good, &failing], &state) && right(&Said::No, &[&good, &other], &state));
    for wrong in [&other, &unsigned, &bad] {
        assert!(!right(&yes, &[&good, wrong], &state), "{wrong:?}");
    }
    assert!(!right(&Said::No, &[&good], &state) && !right(&Said::No, &[&failing], &state));
    assert!(right(&Said::CouldNotLook, &[&good, &failing], &state));
    assert!(is_right(&Said::CouldNotLook, &[&failing], None, &[]));
    assert!(!is_right(&Said::CouldNotLook, &[&good], None, &[]) && !is_right(&yes, &[&failing], None, &[]));
    assert!(!right(&Said::CouldNotLook, &[&good], &state), "nothing failed");
    assert!(!right(&Said::CouldNotLook, &[&unsigned, &failing], &state), "the refusal comes first");
    let foreign = InForce { root: false, ..state.clone() };
    assert!(!right(&yes, &[&good], &foreign) && right(&Said::No, &[&good], &foreign));
    let pinned = |name: &str| Said::Yes(vec![name.to_owned()]);
    assert!(right(&pinned("r/a@1"), &[&tag], &state) && right(&Said::No, &[&tag], &state));
    assert!(!right(&pinned("r/a@3"), &[&tag], &state) && !right(&yes, &[&tag], &state));
    assert!(!is_right(&yes, &[&good], Some("2"), &[state]), "another policy than the one in force");
}
