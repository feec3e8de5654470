//! `attach repair`: lists anew what a list of referrers has lost.

use sealmark::format::oci::parse_digest;
use sealmark::sign::image::{find, repair as list_anew};
use serde::Serialize;

use crate::cli::{AttachRepair, Format};
use crate::report::{Failure, TOOL, Tool, console, print_json};
use crate::settings::{self, Registries};

/// The document, schema `sealmark.repaired/v1`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Repaired {
    schema: &'static str,
    tool: Tool,
    image: String,
    /// Referrers that are listed, before and now.
    listed: usize,
    added: Vec<String>,
}

pub(in crate::commands) fn repair(args: &AttachRepair) -> Result<u8, Failure> {
    let name = settings::image(&args.image)?;
    let registries = Registries::named(&args.registry, &args.place, std::slice::from_ref(&name))?;
    let store = &*registries.store;
    let known = args.referrer.iter().map(|digest| Ok(parse_digest(digest)?)).collect::<Result<Vec<_>, Failure>>()?;
    let done = settings::runtime()?.block_on(async {
        let image = find(store, &name).await?;
        let subject =
            image.image().within(registries.signatures.as_ref().unwrap_or_else(|| image.image().repository()));
        Ok::<_, Failure>(list_anew(store, &subject, &known).await?)
    })?;
    let added: Vec<String> = done.added.iter().map(ToString::to_string).collect();
    let report = Repaired {
        schema: "sealmark.repaired/v1",
        tool: TOOL,
        image: done.image.to_string(),
        listed: done.listed,
        added,
    };
    match args.format.format {
        Format::Json => print_json(&report)?,
        Format::Human => {
            let mut out = format!("{}: {} referrers are listed\n", report.image, report.listed);
            report.added.iter().for_each(|referrer| out.push_str(&format!("  listed anew  {referrer}\n")));
            console::data(&out)?;
        }
    }
    Ok(0)
}
