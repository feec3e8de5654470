//! Which services sign, and the trusted root that what they make must verify under.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sealmark::base::limits;
use sealmark::format::trust::{ClientTrustConfig, Embedded, SigningConfig, TrustedRoot};
use sealmark::service::ca::{CertificateAuthority, ForAudience};
use sealmark::service::http::HttpClient;
use sealmark::service::ledger::Ledger;
use sealmark::service::tsa::{Rfc3161, TimestampAuthority};
use sealmark::sign::{
    CredentialSource, Keyless, ManagedKey, Pace, Record, Services, Session, SignError, Signed, Unlogged, WorkloadSvid,
    certificate_authority,
};
use sealmark::verify::Verifier;

use super::authority::{CertifiedFor, named_agent, named_authority};
use super::key::{SigningKey, signing_key};
use super::trust::stack_config;
use super::{environment, http, patient_http, token_sources};
use crate::cli::{AuthorityArgs, BudgetArgs, ServiceArgs, SignerArgs, SigningInstance};
use crate::files;
use crate::report::Failure;
use crate::report::text::{visible, visible_path};

/// A stack with a Rekor v1 log names it in a file of its own, for clients differ in how they choose among logs.
const STACK_LEGACY_CONFIG: &str = "signing_config.rekor-v1.json";

/// For each question of whoever only looks.
const HASTY: Duration = Duration::from_secs(10);

/// Where signatures come from.
#[derive(Debug)]
pub(crate) struct Signing {
    config: SigningConfig,
    root: TrustedRoot,
    http: HttpClient,
    verifier: Arc<Verifier>,
    /// What it was read from, for reports.
    pub(crate) source: String,
    /// The flags by which `verify` finds the same trusted root.
    pub(crate) trust_flags: Vec<String>,
    public: bool,
    /// The config of a stack's Rekor v1 log, which stands in a file of its own.
    legacy: Option<SigningConfig>,
    /// How fast signatures are asked for, when that is bounded.
    pace: Option<Pace>,
    /// Where entries are written down.
    ledger: Option<Ledger>,
    /// Who certifies, where it is not the services' own authority.
    authority: AuthorityArgs,
}

impl Signing {
    /// Reads what the flags name; without flags, the public-good instance.
    pub(crate) fn named(args: &ServiceArgs) -> Result<Self, Failure> {
        let pace = args.budget.rate_limit.map(|(count, per)| Pace::new(count, per));
        let ledger = args.ledger.as_deref().map(Ledger::at);
        // Before anything is signed: what cannot be written down is not to be made.
        ledger.as_ref().map(Ledger::ready).transpose()?;
        Ok(Self {
            http: patient_http(&args.budget),
            pace,
            ledger,
            authority: args.authority.clone(),
            ..Self::read(args)?
        })
    }

    fn read(args: &ServiceArgs) -> Result<Self, Failure> {
        if let Some(dir) = &args.stack {
            let named = Self::client_config(&stack_config(dir)?, "--stack", dir)?;
            return Ok(Self { legacy: stack_legacy_config(dir)?, ..named });
        }
        if let Some(path) = &args.trust_config {
            return Self::client_config(path, "--trust-config", path);
        }
        if let (Some(config), Some(root)) = (&args.signing_config, &args.trusted_root) {
            let about = |path: &Path, failure: Failure| failure.about(&visible_path(path));
            let read = |path: &Path| files::read(path, limits::TRUST_BYTES);
            let signing_config = SigningConfig::parse(&read(config)?).map_err(|error| about(config, error.into()))?;
            let trusted_root = TrustedRoot::parse(&read(root)?).map_err(|error| about(root, error.into()))?;
            let trust = ClientTrustConfig { trusted_root, signing_config };
            return Self::of(trust, visible_path(config), flags("--trusted-root", root));
        }
        Self::built_in(args.instance.unwrap_or(SigningInstance::PublicGood))
    }

    fn client_config(path: &Path, flag: &str, value: &Path) -> Result<Self, Failure> {
        let source = visible_path(path);
        let json = files::read(path, limits::TRUST_BYTES)?;
        let trust = ClientTrustConfig::parse(&json).map_err(|error| Failure::from(error).about(&source))?;
        Self::of(trust, source, flags(flag, value))
    }

    /// An instance whose documents are built in.
    fn built_in(instance: SigningInstance) -> Result<Self, Failure> {
        let (embedded, trust_flags) = match instance {
            SigningInstance::PublicGood => (Embedded::PublicGood, Vec::new()),
            SigningInstance::Staging => (Embedded::Staging, flags("--instance", Path::new("staging"))),
        };
        let config = embedded.signing_config_json().unwrap_or_default();
        let trust = ClientTrustConfig {
            trusted_root: TrustedRoot::parse(embedded.trusted_root_json().as_bytes())?,
            signing_config: SigningConfig::parse(config.as_bytes())?,
        };
        let public = instance == SigningInstance::PublicGood;
        Ok(Self { public, ..Self::of(trust, format!("built-in {}", embedded.name()), trust_flags)? })
    }

    /// The documents of an instance.
    pub(crate) fn of(trust: ClientTrustConfig, source: String, trust_flags: Vec<String>) -> Result<Self, Failure> {
        let ClientTrustConfig { trusted_root: root, signing_config: config } = trust;
        let verifier = Verifier::new(&root).map_err(|error| Failure::from(error).about(&source))?;
        Ok(Self {
            config,
            root,
            http: http(),
            verifier: Arc::new(verifier),
            source,
            trust_flags,
            public: false,
            legacy: None,
            pace: None,
            ledger: None,
            authority: AuthorityArgs::default(),
        })
    }

    /// Logs and verifies a signature that was kept aside.
    pub(crate) async fn finish(&self, unlogged: &Unlogged, services: &Services) -> Result<Signed, SignError> {
        unlogged.finish(services, &self.verifier, &*environment()).await
    }

    /// The same services, each asked once, unless the flags give a budget: whoever only looks has no time to lose.
    pub(crate) fn hasty(mut self, budget: &BudgetArgs) -> Self {
        let mut settings = self.http.settings().clone();
        settings.attempt_timeout = budget.timeout.unwrap_or(HASTY);
        settings.connect_timeout = settings.connect_timeout.min(settings.attempt_timeout);
        if budget.retry_budget.is_none() {
            settings.attempts = 1;
        }
        self.http = HttpClient::new(settings);
        self
    }

    /// The services that there are to choose from.
    pub(crate) fn config(&self) -> &SigningConfig {
        &self.config
    }

    /// The trusted root that belongs to them.
    pub(crate) fn root(&self) -> &TrustedRoot {
        &self.root
    }

    /// Whether anyone can read what is signed here.
    pub(crate) fn is_public(&self) -> bool {
        self.public
    }

    /// The proxy of the environment, without its password.
    pub(crate) fn proxy(&self) -> Option<String> {
        let proxies = &self.http.settings().proxies;
        proxies.https.as_ref().map(|_| visible(&proxies.to_string()))
    }

    /// What verifies what is signed here.
    pub(crate) fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    pub(super) fn shared_verifier(&self) -> &Arc<Verifier> {
        &self.verifier
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.http
    }

    /// The authority that would certify.
    pub(crate) fn authority(&self) -> Result<String, Failure> {
        match self.workload_svid()? {
            Some((address, _)) => Ok(address),
            None => Ok(self.certificate_authority()?.name()),
        }
    }

    /// What signs where a SPIFFE agent gives the credential, and the agent's address.
    pub(crate) fn workload_svid(&self) -> Result<Option<(String, WorkloadSvid)>, Failure> {
        let Some((agent, id)) = named_agent(&self.authority)? else { return Ok(None) };
        let address = agent.address().to_owned();
        let svid = WorkloadSvid::new(agent, Arc::clone(&self.verifier), environment());
        Ok(Some((address, if let Some(id) = id { svid.with_id(id) } else { svid })))
    }

    /// Who would certify.
    pub(crate) fn certificate_authority(&self) -> Result<Box<dyn CertificateAuthority>, Failure> {
        match named_authority(&self.authority, &self.http, CertifiedFor::Signing)? {
            Some(authority) => Ok(authority),
            None => {
                let own = certificate_authority(&self.config, environment().now(), &self.http)?;
                Ok(match &self.authority.authority_audience {
                    Some(audience) => Box::new(ForAudience::new(own, audience.clone())),
                    None => Box::new(own),
                })
            }
        }
    }

    /// The credential of whom the flags name.
    pub(crate) fn credential(&self, signer: &SignerArgs) -> Result<Box<dyn CredentialSource>, Failure> {
        let environment = environment();
        if let Some(key) = &signer.key {
            return Ok(Box::new(match signing_key(key, signer.key_password_file.as_deref())? {
                SigningKey::Here(key) => ManagedKey::new(key),
                SigningKey::Named(reference) => ManagedKey::named(reference, self.http.clone(), environment),
            }));
        }
        if let Some((_, svid)) = self.workload_svid()? {
            return Ok(Box::new(svid));
        }
        let sources = token_sources(&signer.token, &self.http)?;
        let authority = self.certificate_authority()?;
        let keyless = Keyless::new(sources, authority, Arc::clone(&self.verifier), environment);
        Ok(Box::new(self.recorded(keyless, signer)?))
    }

    /// Publishes nothing of a hidden repository unless the flags say so.
    pub(super) fn recorded(&self, keyless: Keyless, signer: &SignerArgs) -> Result<Keyless, Failure> {
        Ok(match (signer.public_record, self.is_public() || self.services()?.are_public()) {
            (true, _) => keyless.on_record(Record::PublicByChoice),
            (false, true) => keyless.on_record(Record::Public),
            // The authority may be a public one all the same.
            (false, false) => keyless,
        })
    }

    /// The logs and timestamp authorities that the signing config selects.
    pub(crate) fn services(&self) -> Result<Services, Failure> {
        let services = Services::select(&self.config, &self.root, environment().now(), &self.http)?;
        Ok(services.with_ledger(self.ledger.clone()))
    }

    /// The services of the older cosign form, whose log must be one of Rekor's first API.
    pub(crate) fn legacy_services(&self) -> Result<Services, Failure> {
        let config = self.legacy.as_ref().unwrap_or(&self.config);
        let selected = Services::select_legacy(config, environment().now(), &self.http)?;
        Ok(selected.ok_or(SignError::NoLegacyLog)?.with_ledger(self.ledger.clone()))
    }

    /// No log; the timestamp authorities, when `named` services have any.
    pub(crate) fn services_without_log(&self, named: bool) -> Result<Services, Failure> {
        let mut authorities: Vec<Box<dyn TimestampAuthority>> = Vec::new();
        if named {
            for service in self.config.select_timestamp_authorities(environment().now())? {
                authorities.push(Box::new(Rfc3161::new(&service.url, self.http.clone())?));
            }
        }
        Ok(Services::without_log_unsafe(authorities))
    }

    /// How fast signatures may be asked for.
    pub(crate) fn pace(&self) -> Option<&Pace> {
        self.pace.as_ref()
    }

    /// Begins a session: from here on services are asked, in their turn.
    pub(crate) async fn begin(
        &self,
        credential: &dyn CredentialSource,
        services: Services,
    ) -> Result<Session, Failure> {
        if let Some(pace) = &self.pace {
            pace.turn().await;
        }
        Ok(Session::begin(credential, services, Arc::clone(&self.verifier), environment()).await?)
    }
}

/// What a stack wrote for its Rekor v1 log, when it has one.
fn stack_legacy_config(dir: &Path) -> Result<Option<SigningConfig>, Failure> {
    let path = dir.join(STACK_LEGACY_CONFIG);
    if !path.exists() {
        return Ok(None);
    }
    let json = files::read(&path, limits::TRUST_BYTES)?;
    SigningConfig::parse(&json).map(Some).map_err(|error| Failure::from(error).about(&visible_path(&path)))
}

fn flags(flag: &str, value: &Path) -> Vec<String> {
    vec![flag.to_owned(), value.to_string_lossy().into_owned()]
}
