//! SLSA provenance, v0.2 and v1: <https://slsa.dev/spec/v1.0/provenance>, <https://slsa.dev/spec/v0.2/provenance>

use super::forms::{descriptor, digests, each, flags, objects, text_map, texts, times, top, uri};
use crate::base::encoding::json::{Fields, Json, ShapeError};
use crate::base::limits;

/// The type of SLSA provenance v1.
pub const PROVENANCE_V1: &str = "https://slsa.dev/provenance/v1";
/// The type of SLSA provenance v0.2.
pub const PROVENANCE_V0_2: &str = "https://slsa.dev/provenance/v0.2";

/// What a build used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Material {
    /// Where it is from; empty when only digests are given.
    pub uri: String,
    /// Its digests as written, by algorithm.
    pub digests: Vec<(String, String)>,
}

/// How an artifact was built: what both versions say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    builder_id: String,
    build_type: String,
    source: Option<String>,
    materials: Vec<Material>,
}

impl Provenance {
    pub(super) fn v1(json: &Json<'_>) -> Result<Self, ShapeError> {
        let mut fields = top(json)?;
        let mut definition = fields.require_object("buildDefinition")?;
        let build_type = uri(&mut definition, "buildType")?.to_owned();
        let mut parameters = definition.require_object("externalParameters")?;
        objects(&mut definition, &["internalParameters"])?;
        let mut run = fields.require_object("runDetails")?;
        let mut builder = run.require_object("builder")?;
        let builder_id = uri(&mut builder, "id")?.to_owned();
        text_map(&mut builder, "version")?;
        each(&mut builder, "builderDependencies", descriptor)?;
        if let Some(mut metadata) = run.object("metadata")? {
            texts(&mut metadata, &["invocationId"])?;
            times(&mut metadata, &["startedOn", "finishedOn"])?;
        }
        each(&mut run, "byproducts", descriptor)?;
        let materials = materials(&mut definition, "resolvedDependencies")?;
        // GitHub's build type; others name their parameters otherwise.
        let workflow = match parameters.take("workflow") {
            Some(workflow @ Json::Object(_)) => workflow.member("repository").and_then(Json::as_str),
            _ => None,
        };
        let source = workflow.map(str::to_owned);
        Ok(Self { builder_id, build_type, source, materials })
    }

    pub(super) fn v0_2(json: &Json<'_>) -> Result<Self, ShapeError> {
        let mut fields = top(json)?;
        let builder_id = uri(&mut fields.require_object("builder")?, "id")?.to_owned();
        let build_type = uri(&mut fields, "buildType")?.to_owned();
        let mut source = None;
        if let Some(mut invocation) = fields.object("invocation")? {
            objects(&mut invocation, &["parameters", "environment"])?;
            if let Some(mut config) = invocation.object("configSource")? {
                source = config.string("uri")?.map(str::to_owned);
                digests(&mut config, "digest")?;
                texts(&mut config, &["entryPoint"])?;
            }
        }
        if let Some(mut metadata) = fields.object("metadata")? {
            texts(&mut metadata, &["buildInvocationId"])?;
            times(&mut metadata, &["buildStartedOn", "buildFinishedOn"])?;
            flags(&mut metadata, &["reproducible"])?;
            if let Some(mut complete) = metadata.object("completeness")? {
                flags(&mut complete, &["parameters", "environment", "materials"])?;
            }
        }
        let materials = materials(&mut fields, "materials")?;
        Ok(Self { builder_id, build_type, source, materials })
    }

    /// Who built: never by its beginning, for `https://b` and `https://b.example` are two.
    pub fn builder_id(&self) -> &str {
        &self.builder_id
    }

    /// How it was built: how the parameters are to be read.
    pub fn build_type(&self) -> &str {
        &self.build_type
    }

    /// The repository that asked for the build: in v0.2 `invocation.configSource.uri`, in v1 the `workflow.repository`
    /// of GitHub's build type. Other build types of v1 have their own parameters.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// What the build used: `materials` of v0.2, `resolvedDependencies` of v1.
    pub fn materials(&self) -> &[Material] {
        &self.materials
    }
}

fn materials(fields: &mut Fields<'_, '_>, name: &str) -> Result<Vec<Material>, ShapeError> {
    let path = fields.path(name);
    let items = fields.items(name, limits::PREDICATE_ITEMS)?;
    items.iter().enumerate().map(|(index, item)| material(item, &format!("{path}[{index}]"))).collect()
}

fn material(item: &Json<'_>, path: &str) -> Result<Material, ShapeError> {
    descriptor(item, path)?;
    let mut fields = Fields::of(item, path)?;
    let uri = fields.string("uri")?.unwrap_or_default().to_owned();
    Ok(Material { uri, digests: digests(&mut fields, "digest")? })
}
