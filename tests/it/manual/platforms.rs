//! The table of platforms, and what each needs.

use std::fmt::Display;

use sealmark::service::identity::{SIGSTORE_AUDIENCE, Search, TOKENLESS, platforms};

/// One row for each platform, in the order of asking.
pub(super) fn table() -> String {
    let mut table = String::from(
        "| platform | `--identity-provider` | known by | token from | issuer | name in the certificate | public Fulcio | \
         confirmed from | run against | test |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for platform in platforms() {
        let by_name = match platform.search {
            Search::Automatic => "",
            Search::Named => ", when named",
            Search::Unconfirmed => ", when named: unconfirmed",
        };
        let confirmed = match platform.search {
            Search::Unconfirmed => format!("not, see <{}>", platform.documentation),
            Search::Automatic | Search::Named => format!("<{}>", platform.documentation),
        };
        let accepted = if platform.public.is_empty() { "no" } else { "yes" };
        let san = if platform.san.contains('{') { format!("`{}`", platform.san) } else { platform.san.to_owned() };
        let cells = [
            format!("{}{by_name}", platform.name),
            format!("`{}`", platform.key),
            join(platform.marks, ", "),
            join(platform.ask, "; else "),
            quoted(platform.issuer),
            quoted(&san),
            accepted.to_owned(),
            confirmed,
            platform.run.against.to_owned(),
            format!("`{}`", platform.run.test),
        ];
        table += &format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
    let names: Vec<_> = TOKENLESS.iter().map(|platform| platform.name).collect();
    table + &format!("\nNo token is given by {}.\n", names.join(", "))
}

/// What each needs, with the lines.
pub(super) fn recipes() -> String {
    let mut text = String::new();
    for platform in platforms() {
        let say = platform.fix.say.replace("{audience}", SIGSTORE_AUDIENCE);
        let lines = platform.fix.lines.replace("{audience}", SIGSTORE_AUDIENCE);
        let (first, rest) = say.split_at(1);
        text += &format!("### {}\n\n{}{rest}\n\n", platform.name, first.to_uppercase());
        text += &format!("```{}\n{lines}\n```\n\n", platform.fix.language);
        text += &format!("Claims: {}.\n\n", quoted(platform.claims));
    }
    text
}

fn join(parts: &[impl Display], by: &str) -> String {
    parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(by)
}

/// URLs that are patterns are no links.
fn quoted(text: &str) -> String {
    if text.starts_with('`') {
        return text.to_owned();
    }
    let words = text.split(' ').map(|word| {
        let url = word.trim_end_matches([',', ';', ')']);
        if url.starts_with("https://") { word.replacen(url, &format!("`{url}`"), 1) } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}
