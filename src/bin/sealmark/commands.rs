//! One command a module; each returns the exit code, or the failure to print.

mod attest;
mod carry;
mod certificate;
mod completions;
mod conformance;
mod doctor;
mod finish;
mod folder;
mod folders;
mod gate;
mod github;
mod image;
mod inspect;
mod key;
mod monitor;
mod output;
mod pack;
mod policy;
mod sign;
mod spool;
mod stack;
mod tour;
mod tree;
mod trust;
mod upkeep;
mod verify;
mod whoami;
mod witness;

use crate::cli::{
    Attach, Attest, CertificateCommand, Command, Format, Gate, Key, Policy, Sign, Stack, Trust, Verify, Witness,
};
use crate::report::{Failure, Verdicts, print_json};

pub(crate) use attest::PredicateTypeError;
pub(crate) use carry::LayoutError;
pub(crate) use certificate::CertificateCommandError;
pub(crate) use output::OutputError;
pub(crate) use policy::PolicyCommandError;
pub(crate) use tour::TourError;
pub(crate) use verify::{PackDigestError, SelectionError, SummaryError};

/// Runs a command. Whoever asked for JSON gets a document also when nothing came of it.
pub(crate) fn run(command: Command) -> Result<u8, Failure> {
    let format = format(&command);
    dispatch(command).inspect_err(|failure| {
        if format == Format::Json {
            // The exit code says the same; a closed standard output cannot make it worse.
            let _ = print_json(&Verdicts::failed(failure));
        }
    })
}

fn dispatch(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Tour(args) => tour::run(&args),
        Command::Sign(Sign::Blob(args)) => sign::blob(&args),
        Command::Sign(Sign::Image(args)) => image::sign(&args),
        Command::Sign(Sign::Finish(args)) => finish::run(&args),
        Command::Attest(Attest::Blob(args)) => attest::blob(&args),
        Command::Attest(Attest::Image(args)) => image::attest(&args),
        Command::Attach(Attach::Repair(args)) => image::repair(&args),
        Command::Verify(Verify::Blob(args)) => verify::blob(&args),
        Command::Verify(Verify::Image(args)) => verify::image(&args),
        Command::Verify(Verify::Attestation(args)) => verify::attestation(&args),
        Command::Copy(args) => carry::copy(&args),
        Command::Save(args) => carry::save(&args),
        Command::Load(args) => carry::load(&args),
        Command::Pack(args) => pack::run(&args),
        Command::Verify(Verify::Pack(args)) => verify::pack(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Tree(args) => tree::run(&args),
        Command::Whoami(args) => whoami::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Policy(Policy::Init(args)) => policy::init(&args),
        Command::Policy(Policy::Check(args)) => policy::check(&args),
        Command::Policy(Policy::Test(args)) => policy::test(&args),
        Command::Policy(Policy::Explain(args)) => policy::explain(&args),
        Command::Policy(Policy::Diff(args)) => policy::diff(&args),
        Command::Policy(Policy::Import(args)) => policy::import(&args),
        Command::Policy(Policy::Schema(args)) => policy::schema(&args),
        Command::Monitor(args) => monitor::run(&args),
        Command::Trust(Trust::Show(args)) => trust::show(&args),
        Command::Trust(Trust::Add(args)) => trust::add(&args),
        Command::Trust(Trust::Init(args)) => folders::init(&args),
        Command::Trust(Trust::Update(args)) => folders::update(&args),
        Command::TufClient(args) => folders::conform(&args),
        Command::Stack(Stack::Init(args)) => stack::init(&args),
        Command::Stack(Stack::Up(args)) => stack::up(&args),
        Command::Stack(Stack::Status(args)) => stack::status(&args),
        Command::Stack(Stack::Token(args)) => stack::token(&args),
        Command::Stack(Stack::Fsck(args)) => upkeep::fsck(&args),
        Command::Stack(Stack::Rotate(args)) => upkeep::rotate(&args),
        Command::Stack(Stack::Renew(args)) => upkeep::renew(&args),
        Command::Stack(Stack::Follow(args)) => upkeep::follow(&args),
        Command::Stack(Stack::Restore(args)) => upkeep::restore(&args),
        Command::Stack(Stack::Export(args)) => upkeep::export(&args),
        Command::Stack(Stack::RenewTrust(args)) => stack::renew_trust(&args),
        Command::Stack(Stack::Witness(Witness::Init(args))) => witness::init(&args),
        Command::Stack(Stack::Witness(Witness::Watch(args))) => witness::watch(&args),
        Command::Stack(Stack::Witness(Witness::Up(args))) => witness::up(&args),
        Command::Gate(Gate::Admission(args)) => gate::admission(&args),
        Command::Gate(Gate::Http(args)) => gate::http(&args),
        Command::Gate(Gate::Lint(args)) => gate::lint(&args),
        Command::Key(Key::Generate(args)) => key::generate(&args),
        Command::Key(Key::Import(args)) => key::import(&args),
        Command::Key(Key::Public(args)) => key::public(&args),
        Command::Certificate(CertificateCommand::Issue(args)) => certificate::issue(&args),
        Command::Certificate(CertificateCommand::Inspect(args)) => certificate::inspect(&args),
        Command::Certificate(CertificateCommand::Expiring(args)) => certificate::expiring(&args),
        Command::Completions(args) => completions::run(&args),
        Command::SignBundle(args) => conformance::sign(args),
        Command::VerifyBundle(args) => conformance::verify(&args),
    }
}

fn format(command: &Command) -> Format {
    match command {
        Command::Sign(Sign::Blob(args)) => args.output.format.format,
        Command::Sign(Sign::Image(args)) => args.format.format,
        Command::Sign(Sign::Finish(args)) => args.format.format,
        Command::Attest(Attest::Blob(args)) => args.output.format.format,
        Command::Attest(Attest::Image(args)) => args.image.format.format,
        Command::Attach(Attach::Repair(args)) => args.format.format,
        Command::Verify(Verify::Blob(args)) => args.report.format.format,
        Command::Verify(Verify::Image(args)) => args.report.format.format,
        Command::Verify(Verify::Attestation(args)) => args.image.report.format.format,
        Command::Copy(args) => args.format.format,
        Command::Save(args) => args.format.format,
        Command::Load(args) => args.format.format,
        Command::Pack(args) => args.report.format.format,
        Command::Verify(Verify::Pack(args)) => args.report.format.format,
        Command::Inspect(args) => args.format.format,
        Command::Tree(args) => args.format.format,
        Command::Whoami(args) => args.format.format,
        Command::Doctor(args) => args.format.format,
        Command::Certificate(CertificateCommand::Issue(args)) => args.format.format,
        Command::Certificate(CertificateCommand::Inspect(args)) => args.format.format,
        Command::Certificate(CertificateCommand::Expiring(args)) => args.format.format,
        Command::Policy(Policy::Check(args)) => args.format.format,
        Command::Policy(Policy::Test(args)) => args.format.format,
        Command::Policy(Policy::Explain(args)) => args.format.format,
        Command::Policy(Policy::Diff(args)) => args.format.format,
        Command::Trust(Trust::Show(args)) => args.format.format,
        Command::Trust(Trust::Add(args)) => args.format.format,
        Command::Gate(Gate::Lint(args)) => args.format.format,
        Command::Stack(Stack::Init(args)) => args.format.format,
        Command::Stack(Stack::Status(args)) => args.format.format,
        Command::Stack(Stack::Fsck(args)) => args.format.format,
        Command::Stack(Stack::Rotate(args)) => args.format.format,
        Command::Stack(Stack::Renew(args)) => args.format.format,
        Command::Stack(Stack::Follow(args)) => args.format.format,
        Command::Stack(Stack::Restore(args)) => args.format.format,
        Command::Stack(Stack::Export(args)) => args.format.format,
        // Its lines are documents of their own.
        Command::Monitor(_)
        | Command::Tour(_)
        | Command::Trust(Trust::Init(_) | Trust::Update(_))
        | Command::TufClient(_)
        | Command::Policy(Policy::Init(_) | Policy::Import(_) | Policy::Schema(_))
        | Command::Stack(Stack::Up(_) | Stack::Token(_) | Stack::RenewTrust(_) | Stack::Witness(_))
        | Command::Gate(Gate::Admission(_) | Gate::Http(_))
        | Command::Key(_)
        | Command::Completions(_)
        | Command::SignBundle(_)
        | Command::VerifyBundle(_) => Format::Human,
    }
}
