//! A tag cannot be signed: what it names now must be asked first, and its digest is what is signed.
//! E0308

use sealmark::format::oci::TaggedRef;
use sealmark::sign::image::Claim;

fn sign(tag: &TaggedRef) -> bool {
    Claim::Signature.statement(tag).is_ok()
}

fn main() {}
