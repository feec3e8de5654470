//! A reader of source text that knows just enough: comments, test code, and the first names of paths.

use std::fs;
use std::path::Path;

/// A source file, without its comment lines and its test code.
pub(crate) struct File {
    /// From the package's root.
    pub(crate) path: String,
    /// The code that ships.
    pub(crate) code: String,
    /// Its items under `#[cfg(test)]`.
    tests: String,
    /// Lines in the file as it stands.
    pub(crate) lines: usize,
}

/// Every Rust file under `root` that is not a module of tests.
pub(crate) fn files(root: &str) -> Vec<File> {
    parted(root).0
}

/// The files under `root`, and the modules of tests as (path, text).
fn parted(root: &str) -> (Vec<File>, Vec<(String, String)>) {
    let found = texts(root, &|path| path.ends_with(".rs"));
    let test_modules: Vec<String> = found.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
    let is_test = |path: &str| test_modules.iter().any(|module| path.starts_with(module.as_str()));
    let (tests, shipped): (Vec<_>, Vec<_>) = found.into_iter().partition(|(path, _)| is_test(path));
    (shipped.iter().map(|(path, text)| File::new(path, text)).collect(), tests)
}

/// What tests say, as (path, text) without comments: those of the library, and all beside it that runs the program.
pub(crate) fn tests() -> Vec<(String, String)> {
    let (files, mut tests) = parted("src");
    tests.extend(texts("tests", &|path| {
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_program =
            !name.contains('.') || [".rs", ".sh", ".py", ".mjs", ".cjs"].iter().any(|end| name.ends_with(end));
        is_program || path.starts_with("tests/cli/") || path == "tests/oracles/differences.tsv"
    }));
    let mut tests: Vec<_> = tests.into_iter().map(|(path, text)| (path, uncommented(&text))).collect();
    tests.extend(files.into_iter().map(|file| (file.path, file.tests)));
    tests
}

/// Every file under `root` whose path is wanted, with its text.
fn texts(root: &str, wanted: &dyn Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(root), root, wanted, &mut found);
    found
}

fn walk(folder: &Path, name: &str, wanted: &dyn Fn(&str) -> bool, found: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let entry = entry.unwrap();
        let file_name = entry.file_name().into_string().unwrap();
        let path = format!("{name}/{file_name}");
        if entry.file_type().unwrap().is_dir() {
            if file_name != "target" {
                walk(&entry.path(), &path, wanted, found);
            }
        } else if wanted(&path) {
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
        let (code, tests) = code_and_tests(text);
        Self { path: path.to_owned(), code, tests, lines: text.lines().count() }
    }

    /// The calls of the constructors of codes: the class, and the name and the hint where they are literals. What a
    /// macro makes of its literals is written out.
    pub(crate) fn codes(&self) -> Vec<(&'static str, Option<[String; 2]>)> {
        let code = expanded(&self.code);
        let mut calls = Vec::new();
        for class in ["refused", "usage", "undecided"] {
            let constructor = format!("Code::{class}(");
            calls.extend(code.split(&constructor).skip(1).map(|call| (class, name_and_hint(call))));
        }
        calls
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

/// `text` without its comments, as far as they have lines of their own or stand behind a statement.
fn uncommented(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//") && !line.starts_with("# "));
    lines.flat_map(|line| [line.split(" // ").next().unwrap_or_default(), "\n"]).collect()
}

/// `text` without comment lines, parted in what ships and the items under `#[cfg(test)]`.
fn code_and_tests(text: &str) -> (String, String) {
    let (mut code, mut tests) = (String::new(), String::new());
    let text = uncommented(text);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        if line.trim_start().starts_with("#[cfg(test)]") {
            for line in lines.by_ref() {
                tests.push_str(line);
                tests.push('\n');
                if line.len() - line.trim_start().len() == indent && line.ends_with(['}', ';']) {
                    break;
                }
            }
            continue;
        }
        code.push_str(line);
        code.push('\n');
    }
    (code, tests)
}

/// Whether `word` stands in `code` and is not the end of a longer name.
pub(crate) fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// The name and the hint that the call of a code's constructor starts with. The hint may be a constant.
fn name_and_hint(call: &str) -> Option<[String; 2]> {
    let (name, rest) = joined(call)?;
    let hint = rest.trim_start().strip_prefix(',')?.trim_start();
    Some([name, literal(hint).map_or_else(|| identifier(hint), |(hint, _)| hint)])
}

/// A literal, or two that `concat!` joins.
fn joined(text: &str) -> Option<(String, &str)> {
    let Some(parts) = text.trim_start().strip_prefix("concat!(") else { return literal(text) };
    let (first, rest) = literal(parts)?;
    let (second, rest) = literal(rest.strip_prefix(',')?)?;
    Some((first + &second, rest.strip_prefix(')')?))
}

/// `code` with each macro that takes literals alone written out as often as it is called.
fn expanded(code: &str) -> String {
    const MACRO: &str = "macro_rules! ";
    let mut written = code.to_owned();
    for (at, _) in code.match_indices(MACRO) {
        let name = identifier(&code[at + MACRO.len()..]);
        let definition = &code[at..at + code[at..].find("\n}\n").unwrap_or(code.len() - at)];
        let Some((parameters, body)) = definition.split_once("=>") else { continue };
        let parameters = parameters.split_once('(').map_or("", |(_, list)| list).trim_end().trim_end_matches(')');
        let Some(names) = parameters.split(',').map(|one| one.trim().strip_suffix(":literal")).collect() else {
            continue;
        };
        let names: Vec<&str> = names;
        written = written.replace(definition, "");
        for call in code.split(&format!(" {name}!(")).skip(1) {
            written += &filled(body, &names, call);
        }
    }
    written
}

/// A macro's body with the literals of a call in the places of its parameters.
fn filled(body: &str, names: &[&str], mut call: &str) -> String {
    let mut filled = body.to_owned();
    for name in names {
        let Some((_, rest)) = literal(call) else { break };
        let given = &call[..call.len() - rest.len()];
        filled = filled.replace(name, given.trim());
        call = rest.trim_start().trim_start_matches(',');
    }
    filled
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
