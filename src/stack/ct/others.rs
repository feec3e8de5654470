//! The other CAs whose certificates the CT log takes, where an operator wants it to be the CT log of a Fulcio that is no
//! part of the stack: `certificates/ct-issuers/NAME.pem`, each file one chain, issuing certificate first.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::limits;
use crate::format::x509::Certificate;
use crate::stack::StackError;
use crate::stack::folder::{Folder, chain_of};

/// Where they stand.
pub(in crate::stack) const FOLDER: &str = "certificates/ct-issuers";

/// Reads every chain, in the order of their names.
pub(in crate::stack) fn read(folder: &Folder) -> Result<Vec<Vec<Certificate>>, StackError> {
    let mut chains = Vec::new();
    for path in files(&folder.path(FOLDER))? {
        let chain = chain_of(&path)?;
        match check(&chain) {
            Ok(()) => chains.push(chain),
            Err(what) => return Err(StackError::Config { path, what: what.to_owned() }),
        }
    }
    Ok(chains)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, StackError> {
    let inside = match fs::read_dir(folder) {
        Ok(inside) => inside,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StackError::io("list", folder, error)),
    };
    let mut paths = Vec::new();
    for entry in inside {
        let path = entry.map_err(|error| StackError::io("list", folder, error))?.path();
        if path.extension().is_some_and(|extension| extension == "pem") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// A whole chain of authorities: an entry must lead to a root (<https://c2sp.org/static-ct-api>).
fn check(chain: &[Certificate]) -> Result<(), &'static str> {
    let authority = |certificate: &Certificate| {
        certificate.extensions().basic_constraints.as_ref().is_some_and(|constraints| constraints.ca)
    };
    let signs = |below: &Certificate, above: &Certificate| {
        below.issuer().der() == above.subject().der() && below.verify_signature(above.public_key()).is_ok()
    };
    match chain.last() {
        _ if chain.len() > limits::CHAIN => Err("it has more than eight certificates"),
        _ if !chain.iter().all(authority) => Err("a certificate in it is not one of a CA"),
        _ if !chain.windows(2).all(|pair| matches!(pair, [below, above] if signs(below, above))) => {
            Err("each certificate must be signed by the next")
        }
        Some(root) if signs(root, root) => Ok(()),
        _ => Err("it does not lead to a root"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::x509::testing::Authority;
    use crate::stack::place::Place;

    #[test]
    fn whole_chains_and_nothing_else() {
        let (dir, root) = (tempfile::tempdir().unwrap(), Authority::root("root"));
        let folder = Folder::new(&Place::new(dir.path()));
        assert!(read(&folder).unwrap().is_empty(), "there need not be a folder");
        fs::create_dir_all(dir.path().join(FOLDER)).unwrap();
        let issuing = root.intermediate("issuing");
        let (leaf, _) = issuing.leaf();
        let (issuing, root) = (issuing.certificate, root.certificate);
        let other = Authority::root("root").certificate;
        let read_with = |text: &str| {
            fs::write(dir.path().join(FOLDER).join("b.pem"), text).unwrap();
            read(&folder)
        };
        let chain = |certificates: &[&Certificate]| -> String { certificates.iter().map(|one| one.to_pem()).collect() };
        fs::write(dir.path().join(FOLDER).join("a.pem"), other.to_pem()).unwrap();
        fs::write(dir.path().join(FOLDER).join("notes.txt"), "not read").unwrap();
        let found = read_with(&chain(&[&issuing, &root])).unwrap();
        assert_eq!(found, [vec![other.clone()], vec![issuing.clone(), root.clone()]]);
        for (text, words) in [
            (chain(&[&root, &issuing]), "signed by the next"),
            (chain(&[&issuing, &other]), "signed by the next"),
            (chain(&[&issuing]), "does not lead to a root"),
            (chain(&[&leaf, &issuing, &root]), "not one of a CA"),
            (chain(&[&root; 9]), "more than eight"),
            ("nothing".to_owned(), "not a chain of certificates"),
        ] {
            let error = read_with(&text).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("b.pem"), "{error}");
        }
    }
}
