//! Where an object names images: pods, everything that has a pod template, and what the settings add.
//!
//! Labels and annotations play no part: whoever makes an object writes them.

use std::fmt::Write as _;

use thiserror::Error;

use super::review::Review;
use crate::base::code::Code;
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::gate::settings::{KindSettings, Place};

/// Why the images of an object cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ImagesError {
    /// A kind that nothing is known of.
    #[error("objects of kind {kind:?} (group {group:?}) are not known to the gate")]
    Kind {
        /// The API group.
        group: String,
        /// The kind, with the part of it that was addressed.
        kind: String,
    },
    /// The object is of another kind than the review says.
    #[error("the review is about kind {said:?}, its object is of kind {found:?}")]
    OtherKind {
        /// The review's.
        said: String,
        /// The object's.
        found: String,
    },
    /// Nothing to look at.
    #[error("the review has no object")]
    NoObject,
    /// A part that is missing, or of another type.
    #[error("{pointer} is missing or not {expected}")]
    Shape {
        /// Where, as a JSON pointer.
        pointer: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// A container without an image.
    #[error("{pointer} names no image")]
    NoImage {
        /// Where, as a JSON pointer.
        pointer: String,
    },
    /// More images than [`limits::REVIEW_IMAGES`].
    #[error("the object names more than {limit} images", limit = limits::REVIEW_IMAGES)]
    TooMany,
}

impl ImagesError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Kind { .. } => Code::undecided(
                "admission-kind-unknown",
                "add the kind to the gate's settings, or take it out of the webhook's rules",
            ),
            Self::OtherKind { .. } => {
                Code::refused("admission-kind-mismatch", "send the object that the review is about")
            }
            Self::NoObject => Code::refused("admission-object-missing", "send the object that the review is about"),
            Self::Shape { .. } => Code::refused("admission-object", "write the object as its kind has it"),
            Self::NoImage { .. } => Code::refused("image-missing", "name an image"),
            Self::TooMany => Code::refused("admission-images", "make several objects of it"),
        }
    }
}

/// A place that names an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageField<'j> {
    /// Where, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// The list and the name there, such as `containers` and `web`; both empty where the settings lead.
    pub list: &'static str,
    /// See `list`.
    pub name: &'j str,
    /// What it names.
    pub image: &'j str,
}

/// Kinds of Kubernetes that hold a pod, with the way to its spec.
const KINDS: &[(&str, &str, &[&str])] = &[
    ("", "Pod", &["spec"]),
    ("", "PodTemplate", &["template", "spec"]),
    ("", "ReplicationController", &["spec", "template", "spec"]),
    ("apps", "Deployment", &["spec", "template", "spec"]),
    ("apps", "StatefulSet", &["spec", "template", "spec"]),
    ("apps", "DaemonSet", &["spec", "template", "spec"]),
    ("apps", "ReplicaSet", &["spec", "template", "spec"]),
    ("batch", "Job", &["spec", "template", "spec"]),
    ("batch", "CronJob", &["spec", "jobTemplate", "spec", "template", "spec"]),
];

/// Parts of a pod that are addressed by themselves and carry the whole pod.
const POD_PARTS: &[&str] = &["ephemeralcontainers", "resize"];

/// The images of the object that is to be.
pub(super) fn images<'j>(review: &Review<'j>, kinds: &[KindSettings]) -> Result<Vec<ImageField<'j>>, ImagesError> {
    of_object(review, review.object.ok_or(ImagesError::NoObject)?, kinds)
}

/// The images that are new: at an update, what stood in the same place before needs no second look, so that
/// an object can still lose a finalizer or be scaled when its image is no longer admitted. Pods are looked at
/// when they are made.
pub(super) fn new_images<'j>(review: &Review<'j>, kinds: &[KindSettings]) -> Result<Vec<ImageField<'j>>, ImagesError> {
    let mut images = images(review, kinds)?;
    if let Some(old) = review.old_object {
        // An old object that cannot be read excuses nothing.
        let before = of_object(review, old, kinds).unwrap_or_default();
        let same = |new: &ImageField<'_>, old: &ImageField<'_>| {
            let place = if new.list.is_empty() { new.pointer == old.pointer } else { new.name == old.name };
            place && new.list == old.list && new.image == old.image
        };
        images.retain(|new| !before.iter().any(|old| same(new, old)));
    }
    Ok(images)
}

fn of_object<'j>(
    review: &Review<'j>,
    object: &'j Json<'j>,
    kinds: &[KindSettings],
) -> Result<Vec<ImageField<'j>>, ImagesError> {
    let found = object.member("kind").and_then(Json::as_str).unwrap_or_default();
    if found != review.kind {
        return Err(ImagesError::OtherKind { said: cut(review.kind), found: cut(found) });
    }
    let mut found = Found::default();
    // Kubernetes before 1.22 sends the list alone.
    if (review.group, review.kind, review.sub_resource) == ("", "EphemeralContainers", "ephemeralcontainers") {
        found.containers(object, "ephemeralContainers", true)?;
        return Ok(found.images);
    }
    let addressed = review.sub_resource.is_empty()
        || (review.group.is_empty() && review.kind == "Pod" && POD_PARTS.contains(&review.sub_resource));
    let mut known = false;
    if addressed {
        let built_in = KINDS.iter().find(|(group, kind, _)| (*group, *kind) == (review.group, review.kind));
        if let Some((_, _, way)) = built_in {
            known = true;
            let spec = descend(object, way, &mut found.pointer)?;
            found.pod_spec(spec)?;
        }
        for custom in kinds.iter().filter(|custom| custom.is(review.group, review.kind)) {
            known = true;
            found.pointer.clear();
            found.custom(object, custom.steps(), custom.place())?;
        }
    }
    if known {
        return Ok(found.images);
    }
    let part = if review.sub_resource.is_empty() { String::new() } else { format!("/{}", review.sub_resource) };
    Err(ImagesError::Kind { group: cut(review.group), kind: cut(&format!("{}{part}", review.kind)) })
}

fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}

fn descend<'j>(mut json: &'j Json<'j>, way: &[&str], pointer: &mut String) -> Result<&'j Json<'j>, ImagesError> {
    for step in way {
        push(pointer, step);
        json = json
            .member(step)
            .filter(|json| matches!(json, Json::Object(_)))
            .ok_or_else(|| shape(pointer, "an object"))?;
    }
    Ok(json)
}

fn shape(pointer: &str, expected: &'static str) -> ImagesError {
    ImagesError::Shape { pointer: cut(pointer), expected }
}

/// Adds a step to a JSON pointer (RFC 6901 section 3).
fn push(pointer: &mut String, step: &str) {
    pointer.push('/');
    if step.contains(['~', '/']) {
        pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
    } else {
        pointer.push_str(step);
    }
}

/// The fields found so far, and where the search stands.
#[derive(Default)]
struct Found<'j> {
    images: Vec<ImageField<'j>>,
    pointer: String,
}

impl<'j> Found<'j> {
    fn pod_spec(&mut self, spec: &'j Json<'j>) -> Result<(), ImagesError> {
        self.containers(spec, "containers", true)?;
        self.containers(spec, "initContainers", false)?;
        self.containers(spec, "ephemeralContainers", false)?;
        self.image_volumes(spec)
    }

    /// Visits every item of a list, with the pointer at it.
    fn each(
        &mut self,
        json: &'j Json<'j>,
        list: &'static str,
        required: bool,
        mut visit: impl FnMut(&mut Self, &'j Json<'j>) -> Result<(), ImagesError>,
    ) -> Result<(), ImagesError> {
        let items = match json.member(list) {
            None | Some(Json::Null) if !required => return Ok(()),
            Some(Json::Array(items)) => items,
            _ => return Err(shape(&format!("{}/{list}", self.pointer), "a list")),
        };
        let before = self.pointer.len();
        for (index, item) in items.iter().enumerate() {
            let _ = write!(self.pointer, "/{list}/{index}");
            if !matches!(item, Json::Object(_)) {
                return Err(shape(&self.pointer, "an object"));
            }
            visit(self, item)?;
            self.pointer.truncate(before);
        }
        Ok(())
    }

    fn containers(&mut self, spec: &'j Json<'j>, list: &'static str, required: bool) -> Result<(), ImagesError> {
        self.each(spec, list, required, |found, container| {
            let name = container.member("name").and_then(Json::as_str).unwrap_or_default();
            found.image(container, "image", list, name)
        })
    }

    fn image_volumes(&mut self, spec: &'j Json<'j>) -> Result<(), ImagesError> {
        self.each(spec, "volumes", false, |found, volume| {
            let name = volume.member("name").and_then(Json::as_str).unwrap_or_default();
            match volume.member("image") {
                None | Some(Json::Null) => Ok(()),
                Some(image @ Json::Object(_)) => {
                    push(&mut found.pointer, "image");
                    found.image(image, "reference", "volumes", name)
                }
                Some(_) => Err(shape(&format!("{}/image", found.pointer), "an object")),
            }
        })
    }

    /// Notes the image that `field` of `json` names.
    fn image(&mut self, json: &'j Json<'j>, field: &str, list: &'static str, name: &'j str) -> Result<(), ImagesError> {
        let pointer = format!("{}/{field}", self.pointer);
        match json.member(field) {
            Some(Json::String(image)) if !image.is_empty() => self.note(ImageField { pointer, list, name, image }),
            None | Some(Json::Null | Json::String(_)) => Err(ImagesError::NoImage { pointer: cut(&pointer) }),
            Some(_) => Err(shape(&pointer, "a text")),
        }
    }

    fn note(&mut self, field: ImageField<'j>) -> Result<(), ImagesError> {
        if self.images.len() == limits::REVIEW_IMAGES {
            return Err(ImagesError::TooMany);
        }
        self.images.push(field);
        Ok(())
    }

    /// Follows the settings' way; `*` stands for every item of a list. What the object does not have at all
    /// names no image.
    fn custom(&mut self, json: &'j Json<'j>, steps: &[String], place: Place) -> Result<(), ImagesError> {
        let Some((step, rest)) = steps.split_first() else {
            return match (place, json) {
                (Place::PodSpec, Json::Object(_)) => self.pod_spec(json),
                (Place::PodSpec, _) => Err(shape(&self.pointer, "an object")),
                (Place::Image, Json::String(image)) if !image.is_empty() => {
                    let pointer = self.pointer.clone();
                    self.note(ImageField { pointer, list: "", name: "", image })
                }
                (Place::Image, Json::String(_)) => Err(ImagesError::NoImage { pointer: cut(&self.pointer) }),
                (Place::Image, _) => Err(shape(&self.pointer, "a text")),
            };
        };
        let before = self.pointer.len();
        match (step.as_str(), json) {
            ("*", Json::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let _ = write!(self.pointer, "/{index}");
                    self.custom(item, rest, place)?;
                    self.pointer.truncate(before);
                }
                Ok(())
            }
            ("*", _) => Err(shape(&self.pointer, "a list")),
            (step, Json::Object(_)) => match json.member(step) {
                None | Some(Json::Null) => Ok(()),
                Some(inner) => {
                    push(&mut self.pointer, step);
                    self.custom(inner, rest, place)?;
                    self.pointer.truncate(before);
                    Ok(())
                }
            },
            _ => Err(shape(&self.pointer, "an object")),
        }
    }
}

#[cfg(test)]
mod tests;
