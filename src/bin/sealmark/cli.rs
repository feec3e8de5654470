//! Every command, flag and help text: one table.
//!
//! What flags mean together is settled in `settings.rs`; here stand names, values and words.

mod acme;
mod authority;
mod budget;
mod carry;
mod certificate;
mod conformance;
mod doctor;
mod gate;
mod identity;
mod image;
mod key;
mod look;
mod monitor;
mod policy;
mod registry;
mod sign;
mod stack;
mod summary;
mod tour;
mod trust;
mod value;
mod verify;
mod witness;

use clap::{Parser, Subcommand};

pub(crate) use acme::AcmeArgs;
pub(crate) use authority::{AnsweredRequests, AuthorityArgs, AuthoritySystem, LeafEku, TrustAdd};
pub(crate) use budget::{BudgetArgs, SignFinish};
pub(crate) use carry::{Copy, Load, Pack, PlatformArg, Save, VerifyPack};
pub(crate) use certificate::{
    CertificateCommand, CertificateExpiring, CertificateForm, CertificateInspect, CertificateIssue,
};
pub(crate) use conformance::{SignBundle, VerifyBundle};
pub(crate) use doctor::Doctor;
pub(crate) use gate::{Gate, GateAdmission, GateArgs, GateHttp, GateLint, GateRegistryArgs};
pub(crate) use identity::{LoginMethodArg, TokenArgs};
pub(crate) use image::{Attach, AttachRepair, AttestImage, ImageArgs, SignImage, SignatureArgs, SignatureFormat};
pub(crate) use key::{KeyForm, KeyGenerate, KeyImport, KeyOutput, KeyPublic, NewKeyKind};
pub(crate) use look::{Completions, Inspect, Tree, TrustShow, Whoami};
pub(crate) use monitor::{Monitor, MonitorFrom};
pub(crate) use policy::{
    PlacesArgs, Policy, PolicyCheck, PolicyDiff, PolicyExplain, PolicyImport, PolicyInit, PolicySchema, PolicyTest,
};
pub(crate) use registry::RegistryArgs;
pub(crate) use sign::{AttestBlob, ServiceArgs, SignBlob, SignerArgs, SigningArgs, SigningWaiverArgs};
pub(crate) use stack::{
    CaKeyKind, StackExport, StackFollow, StackFsck, StackInit, StackPassword, StackRenew, StackRenewTrust,
    StackRestore, StackRotate, StackStatus, StackToken, StackUp,
};
pub(crate) use summary::SummaryArgs;
pub(crate) use tour::Tour;
pub(crate) use trust::{TrustAgeArgs, TrustInit, TrustUpdate, TufClient};
pub(crate) use value::{Format, FormatArg, Instance, Secret, SigningInstance, TokenKind};
use value::{claim, claim_help, path, secret, setting};
pub(crate) use verify::{
    CertifiedArgs, ExpectedArgs, GroundArgs, ImageSelection, ReportArgs, SignaturePlace, TrustArgs, VerifyAttestation,
    VerifyBlob, VerifyImage, WaiverArgs,
};
pub(crate) use witness::{Witness, WitnessInit, WitnessUp, WitnessWatch};

/// Sign artifacts with the identity that a CI job already has, and verify them
///
/// Sealmark turns an identity token into a short-lived certificate, a signature, a timestamp and an
/// entry in a transparency log, packed into one Sigstore bundle beside the file. It verifies such
/// bundles offline, from this program and from any other Sigstore client.
#[derive(Debug, Parser)]
#[command(
    name = "sealmark",
    bin_name = "sealmark",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "\
Start here:
  $ sealmark tour                  every step on this machine, without network
  $ sealmark sign blob app.tar.gz  in a CI job that may ask for a token
  $ sealmark verify blob app.tar.gz --identity ID --issuer URL

Exit codes:
  0  yes
  1  refused
  2  wrong usage
  3  could not decide: network, files, trust
  4  signed and kept aside by --spool: no log has it yet"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Tour(Tour),
    /// Sign files and images as the identity of a token
    #[command(subcommand, arg_required_else_help = true)]
    Sign(Sign),
    /// Sign a statement about files or images: provenance, an SBOM, test results
    #[command(subcommand, arg_required_else_help = true)]
    Attest(Attest),
    /// List what is attached to images
    #[command(subcommand, arg_required_else_help = true)]
    Attach(Attach),
    /// Verify what was signed: files offline, images in registries
    #[command(subcommand, arg_required_else_help = true)]
    Verify(Verify),
    Copy(Box<Copy>),
    Save(Box<Save>),
    Load(Box<Load>),
    Pack(Box<Pack>),
    Inspect(Inspect),
    Tree(Tree),
    Whoami(Whoami),
    Doctor(Box<Doctor>),
    /// Write, check, test, explain and compare policies
    #[command(subcommand, arg_required_else_help = true)]
    Policy(Policy),
    /// Look at trust roots, and keep them up to date
    #[command(subcommand, arg_required_else_help = true)]
    Trust(Trust),
    Monitor(Box<Monitor>),
    /// Run a private Sigstore: identity provider, CA, logs and timestamp authority in one process
    #[command(subcommand, arg_required_else_help = true)]
    Stack(Stack),
    /// Decide about images for a cluster or a pipeline
    #[command(subcommand, arg_required_else_help = true)]
    Gate(Gate),
    /// Make and convert keys, where keys must be
    #[command(subcommand, arg_required_else_help = true)]
    Key(Key),
    /// Get certificates for services, look at certificates, find those that end soon
    #[command(subcommand, arg_required_else_help = true)]
    Certificate(CertificateCommand),
    Completions(Completions),
    #[command(hide = true)]
    TufClient(TufClient),
    #[command(hide = true)]
    SignBundle(SignBundle),
    #[command(hide = true)]
    VerifyBundle(VerifyBundle),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Sign {
    Blob(Box<SignBlob>),
    Image(Box<SignImage>),
    Finish(Box<SignFinish>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Attest {
    Blob(Box<AttestBlob>),
    Image(Box<AttestImage>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verify {
    Blob(Box<VerifyBlob>),
    Image(Box<VerifyImage>),
    Attestation(Box<VerifyAttestation>),
    Pack(Box<VerifyPack>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Trust {
    Show(TrustShow),
    Add(TrustAdd),
    Init(TrustInit),
    Update(TrustUpdate),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    Generate(KeyGenerate),
    Import(KeyImport),
    Public(KeyPublic),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Stack {
    Init(StackInit),
    Up(StackUp),
    Status(StackStatus),
    Token(StackToken),
    Fsck(StackFsck),
    Export(StackExport),
    RenewTrust(StackRenewTrust),
    /// Cosign the checkpoints of logs that others run, and only of one tree
    #[command(subcommand, arg_required_else_help = true)]
    Witness(Witness),
    Rotate(StackRotate),
    Renew(StackRenew),
    Follow(StackFollow),
    Restore(StackRestore),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_table_is_consistent() {
        Cli::command().debug_assert();
    }
}
