//! Certificates of a private authority beside those of a Fulcio, in one trusted root: whoever may have the private
//! one write a name and an issuer meets no rule that does not name it.

use super::*;
use crate::base::time::ValidityPeriod;
use crate::format::trust::AuthorityInstance;
use crate::format::x509::testing::{Authority, START};
use crate::verify::{Signer, Verifier, Waiver, Witnessed};

const CA: &str = "acme ci";

/// A world that trusts a private authority too, and a signature under it with this name and these claims.
fn private(uri: &str, claims: &[(&str, &str)]) -> Result<Verified, crate::verify::VerifyError> {
    let mut world = World::new();
    let issuer = Authority::root("private");
    world.trust.certificate_authorities.push(AuthorityInstance {
        organization: String::new(),
        common_name: CA.to_owned(),
        uri: uri.to_owned(),
        chain: vec![issuer.certificate.clone()],
        validity: ValidityPeriod::new(START.plus_secs(-3600), None).unwrap(),
    });
    let key = Key::p256();
    let mut template = Template::leaf(&key).with(Extension::subject_alt_name(&super::uri(WORKFLOW)));
    for (name, value) in claims {
        template = template.with(Extension::claim(Claim::by_name(name).unwrap(), value));
    }
    let mut message = world.message(&key);
    message.leaf = issuer.sign(template);
    assert!(Verifier::new(&world.trust).is_ok());
    world.verify(&world.complete_v2(message))
}

const VAULT: &str = "vault:https://vault.example.com/v1/pki";

fn code(rule: Rule, verified: &Verified) -> &'static str {
    admits(&Policy::of(rule), verified).unwrap_err().code().name()
}

#[test]
fn an_issuer_in_a_private_certificate_proves_nothing() {
    let forged = private(VAULT, &issued_by(ISSUER)).unwrap();
    assert_eq!(code(rule("r", exact(WORKFLOW), ISSUER), &forged), "authority-unnamed");
    // Nor is it reported as what was proven, or put into a command that verifies.
    let Signer::Certificate(signer) = forged.signer() else { panic!("a certificate signed") };
    assert_eq!((signer.claims().issuer(), signer.issuer()), (Some(ISSUER), None));
    // The same signature under a Fulcio is admitted by the same rule.
    assert!(admits(&Policy::of(rule("r", exact(WORKFLOW), ISSUER)), &by_workflow()).is_ok());
}

#[test]
fn a_private_authority_is_met_by_its_name_alone() {
    let verified = private(VAULT, &issued_by(ISSUER)).unwrap();
    let named = |name: &str| Rule::named("r").identity(exact(WORKFLOW)).certificate_authority(name).build().unwrap();
    assert!(admits(&Policy::of(named(CA)), &verified).is_ok());
    assert_eq!(code(named("ca (example.com)"), &verified), "authority-mismatch");
    // And another authority never by the private one's name.
    assert_eq!(code(named(CA), &by_workflow()), "authority-mismatch");
}

#[test]
fn no_sct_where_none_exists_and_the_report_says_so() {
    for uri in [VAULT, "step-ca:https://ca.example.com", "spiffe://example.org", "private-ca:x"] {
        let verified = private(uri, &[]).unwrap();
        assert!(matches!(verified.evidence().sct(), Witnessed::Waived(Waiver::PrivateAuthority)), "{uri}");
    }
    // The same certificate under an authority that is not marked as private needs one.
    assert_eq!(private("https://ca.example.com", &[]).unwrap_err().code().name(), "sct-missing");
    // A Fulcio's own are held to it beside a private authority.
    assert!(matches!(by_workflow().evidence().sct(), Witnessed::By(_)));
}
