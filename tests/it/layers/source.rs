//! A reader of source text that knows just enough: comments, test code, and the first names of paths.

use std::fs;
use std::path::Path;

/// A source file, without its comment lines and its test code.
pub(crate) struct File {
    /// From the package's root.
    pub(crate) path: String,
    /// The code that ships.
    pub(crate) code: String,
    /// Lines in the file as it stands.
    pub(crate) lines: usize,
}

/// Every Rust file under `root` that is not a module of tests.
pub(crate) fn files(root: &str) -> Vec<File> {
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(root), root, &mut found);
    let test_modules: Vec<String> = found.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
    let is_test = |path: &str| test_modules.iter().any(|module| path.starts_with(module.as_str()));
    found.iter().filter(|(path, _)| !is_test(path)).map(|(path, text)| File::new(path, text)).collect()
}

fn walk(folder: &Path, name: &str, found: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let entry = entry.unwrap();
        let file_name = entry.file_name().into_string().unwrap();
        let path = format!("{name}/{file_name}");
        if entry.file_type().unwrap().is_dir() {
            if file_name != "target" {
                walk(&entry.path(), &path, found);
            }
        } else if file_name.ends_with(".rs") {
            found.push((path, fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

/// Paths (`src/x/tests.`, `src/x/tests/`) of the modules that `#[cfg(test)] mod x;` declares.
fn test_modules(path: &str, text: &str) -> Vec<String> {
    let folder = match path.rsplit_once('/') {
        Some((folder, "lib.rs" | "main.rs" | "mod.rs")) => folder,
        _ => path.trim_end_matches(".rs"),
    };
    let mut lines = text.lines().map(str::trim);
    let mut modules = Vec::new();
    while let Some(line) = lines.next() {
        if !line.starts_with("#[cfg(test)]") {
            continue;
        }
        let declared = lines.find(|line| !line.starts_with("#[")).unwrap_or_default();
        if let Some((_, name)) = declared.trim_end_matches(';').split_once("mod ").filter(|_| declared.ends_with(';')) {
            modules.extend([format!("{folder}/{name}."), format!("{folder}/{name}/")]);
        }
    }
    modules
}

impl File {
    /// Reads `text` as the file at `path`.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), code: code_of(text), lines: text.lines().count() }
    }

    /// The name under `src/`: `src/verify/log.rs` and `src/verify.rs` are both of `verify`.
    pub(crate) fn layer(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("src/")?;
        Some(rest.split('/').next()?.trim_end_matches(".rs"))
    }

    /// The modules of the crate's root that this file names, through `crate::` or a chain of `super::`.
    pub(crate) fn crate_uses(&self) -> Vec<String> {
        let depth = self.path.trim_start_matches("src/").split('/').count();
        let to_root = "super::".repeat(depth);
        let mut uses = self.first_segments("crate::");
        uses.extend(self.first_segments(&to_root));
        uses
    }

    /// Every `name` in `prefix::name` and `prefix::{name, other::..}`.
    pub(crate) fn first_segments(&self, prefix: &str) -> Vec<String> {
        let starts = self.code.match_indices(prefix).filter(|(at, _)| {
            let before = self.code[..*at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
        });
        starts.flat_map(|(at, _)| segments(&self.code[at + prefix.len()..])).collect()
    }
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn segments(tree: &str) -> Vec<String> {
    let Some(list) = tree.strip_prefix('{') else { return vec![identifier(tree)] };
    let mut names = Vec::new();
    let mut depth = 0;
    let mut at_start = true;
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            c if at_start && !c.is_whitespace() => {
                names.push(identifier(&list[at..]));
                at_start = false;
            }
            _ => {}
        }
    }
    names
}

/// `text` without comment lines and without items under `#[cfg(test)]`.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        if line.trim_start().starts_with("#[cfg(test)]") {
            let ends = |line: &&str| line.len() - line.trim_start().len() == indent && line.ends_with(['}', ';']);
            lines.find(ends);
            continue;
        }
        code.push_str(line);
        code.push('\n');
    }
    code
}

/// Whether `word` stands in `code` and is not the end of a longer name.
pub(crate) fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// The name and the hint that the call of a code's constructor starts with. The hint may be a constant, and
/// the name may end in a literal where a macro makes a family of codes.
pub(crate) fn name_and_hint(call: &str) -> Option<[String; 2]> {
    let (name, rest) = match call.trim_start().strip_prefix("concat!($prefix,") {
        Some(family) => {
            let (suffix, rest) = literal(family)?;
            (format!("prefix{suffix}"), rest.strip_prefix(')')?)
        }
        None => literal(call)?,
    };
    let hint = rest.trim_start().strip_prefix(',')?.trim_start();
    let hint = literal(hint).map_or_else(|| identifier(hint.trim_start_matches('$')), |(hint, _)| hint);
    Some([name, hint])
}

pub(crate) fn literal(text: &str) -> Option<(String, &str)> {
    let body = text.trim_start().strip_prefix('"')?;
    let mut escaped = false;
    let end = body.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some((body[..end].to_owned(), &body[end + 1..]))
}
