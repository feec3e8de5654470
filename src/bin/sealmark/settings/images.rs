//! Which images: names, or what a build wrote down.

use std::path::Path;

use sealmark::base::encoding::json::Json;
use sealmark::base::limits;
use sealmark::format::oci::{ImageRef, Repository, parse_digest};

use super::{SettingsError, environment};
use crate::cli::ImageArgs;
use crate::files;
use crate::report::Failure;

/// Where signatures lie, for clients that know no flag of ours.
const VARIABLE: &str = "COSIGN_REPOSITORY";

/// The images of the arguments. A digest file names one: in the repository of the one argument, or in that
/// which the file names.
pub(crate) fn images(args: &ImageArgs) -> Result<Vec<ImageRef>, Failure> {
    let named = args.images.iter().map(|name| image(name)).collect::<Result<Vec<_>, Failure>>()?;
    let Some(path) = &args.digest_file else { return Ok(named) };
    let pushed = pushed(path)?;
    let repository = match (&named[..], pushed.repository) {
        ([image], _) => image.repository().clone(),
        ([], Some(repository)) => repository,
        ([], None) => return Err(SettingsError::DigestFileName.into()),
        (several, _) => return Err(SettingsError::DigestFileImages { images: several.len() }.into()),
    };
    Ok(vec![ImageRef::Digested(repository.digested(parse_digest(&pushed.digest)?)?)])
}

/// A name of an image.
pub(crate) fn image(name: &str) -> Result<ImageRef, Failure> {
    Ok(ImageRef::parse(name)?)
}

/// The repository for signatures: the flag's, else the environment's.
pub(super) fn signature_repository(flag: Option<&str>) -> Result<Option<Repository>, Failure> {
    let variable = environment().var(VARIABLE).filter(|name| !name.is_empty());
    match flag.map(str::to_owned).or(variable) {
        Some(name) => Ok(Some(Repository::parse(&name)?)),
        None => Ok(None),
    }
}

/// What a build says it pushed.
#[derive(Debug, PartialEq, Eq)]
struct Pushed {
    digest: String,
    repository: Option<Repository>,
}

fn pushed(path: &Path) -> Result<Pushed, Failure> {
    let bytes = files::read(path, limits::OCI_MANIFEST_BYTES)?;
    let unreadable = || SettingsError::DigestFile { path: path.to_owned() };
    Ok(read_pushed(&bytes).ok_or_else(unreadable)?)
}

/// Podman writes the digest alone, buildx an object (`containerimage.digest`, and `image.name` with the names that
/// it pushed, separated by commas).
fn read_pushed(bytes: &[u8]) -> Option<Pushed> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    if !text.starts_with('{') {
        return Some(Pushed { digest: text.to_owned(), repository: None });
    }
    let json = Json::parse(text.as_bytes()).ok()?;
    let digest = json.member("containerimage.digest").and_then(Json::as_str)?.to_owned();
    let names = json.member("image.name").and_then(Json::as_str).unwrap_or_default();
    let mut repositories = Vec::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let repository = ImageRef::parse(name).ok()?.repository().clone();
        if !repositories.contains(&repository) {
            repositories.push(repository);
        }
    }
    // Several repositories hold the image: the argument must say which is meant.
    let repository = if let [one] = &repositories[..] { Some(one.clone()) } else { None };
    Some(Pushed { digest, repository })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builds_write_down() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let app = Repository::parse("registry.example.com/acme/app").ok();
        let read = |text: &str| read_pushed(text.as_bytes());
        let pushed =
            |repository: Option<&Repository>| Some(Pushed { digest: digest.clone(), repository: repository.cloned() });
        assert_eq!(read(&format!("{digest}\n")), pushed(None));
        let buildx = |names: &str| format!(r#"{{"containerimage.digest":"{digest}","image.name":"{names}"}}"#);
        assert_eq!(
            read(&buildx("registry.example.com/acme/app:v1,registry.example.com/acme/app:latest")),
            pushed(app.as_ref())
        );
        assert_eq!(read(&buildx("registry.example.com/acme/app:v1,other.example.com/app:v1")), pushed(None));
        assert_eq!(read(&format!(r#"{{"containerimage.digest":"{digest}"}}"#)), pushed(None));
        for bad in ["{", "{}", r#"{"containerimage.digest":1}"#] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
