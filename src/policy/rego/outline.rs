//! What a policy's text shows without evaluating it: its rules, how deep they lean on each other, and the fields that
//! it names. The engine walks rules by recursion, so recursion and depth are refused before it begins.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::limits;

/// The rules of a policy.
pub(super) struct Outline {
    /// The code: no comments, and strings blank.
    code: String,
    /// Each rule's name, with the text that follows it.
    rules: BTreeMap<String, String>,
}

impl Outline {
    /// Reads a policy.
    pub(super) fn of(text: &str) -> Result<Self, String> {
        let code = code(text);
        one_rule_a_line(&code)?;
        let outline = Self { rules: rules(&code), code };
        let products = outline.code.matches('*').count();
        if products > limits::REGO_PRODUCTS {
            return Err(format!("it multiplies {products} times; {} are allowed", limits::REGO_PRODUCTS));
        }
        outline.depth()?;
        Ok(outline)
    }

    /// Whether there is such a rule.
    pub(super) fn has(&self, rule: &str) -> bool {
        self.rules.contains_key(rule)
    }

    /// The fields of the input that it names, as steps.
    pub(super) fn fields(&self) -> Vec<Vec<String>> {
        let mut fields = BTreeSet::new();
        for (at, _) in self.code.match_indices("input.") {
            let before = self.code.get(..at).and_then(|before| before.chars().next_back());
            if before.is_some_and(|c| is_word(c) || c == '.') {
                continue;
            }
            let rest = self.code.get(at + "input.".len()..).unwrap_or_default();
            let path: String = rest.chars().take_while(|c| is_word(*c) || *c == '.').collect();
            let steps: Vec<String> = path.trim_end_matches('.').split('.').map(str::to_owned).collect();
            if steps.iter().all(|step| !step.is_empty()) {
                fields.insert(steps);
            }
        }
        fields.into_iter().collect()
    }

    /// Refuses rules that lean on themselves, and those that lean on each other too deep.
    fn depth(&self) -> Result<(), String> {
        let mut known = BTreeMap::new();
        self.rules.keys().try_for_each(|rule| self.below(rule, &mut Vec::new(), &mut known).map(drop))
    }

    fn below<'r>(
        &'r self,
        rule: &'r str,
        path: &mut Vec<&'r str>,
        known: &mut BTreeMap<&'r str, usize>,
    ) -> Result<usize, String> {
        if path.contains(&rule) {
            return Err(format!("rule `{rule}` leans on itself"));
        }
        if let Some(depth) = known.get(rule) {
            return Ok(*depth);
        }
        if path.len() > limits::REGO_DEPTH {
            return Err(format!("its rules lean on each other deeper than {}", limits::REGO_DEPTH));
        }
        path.push(rule);
        let mut deepest = 0;
        for other in self.named(rule) {
            deepest = deepest.max(self.below(other, path, known)? + 1);
        }
        path.pop();
        if deepest > limits::REGO_DEPTH {
            return Err(format!("its rules lean on each other deeper than {}", limits::REGO_DEPTH));
        }
        known.insert(rule, deepest);
        Ok(deepest)
    }

    /// The rules that a rule names: by their names, or below the policy's own package.
    fn named(&self, rule: &str) -> BTreeSet<&str> {
        let body = self.rules.get(rule).map(String::as_str).unwrap_or_default();
        let mut named = BTreeSet::new();
        for (start, word) in words(body) {
            let before = body.get(..start).unwrap_or_default();
            let own = ["data.signature.", "data.sigstore."].iter().any(|package| before.ends_with(package));
            if (!before.ends_with('.') || own)
                && let Some((name, _)) = self.rules.get_key_value(word)
            {
                named.insert(name.as_str());
            }
        }
        named
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The words of a text, each with its place.
fn words(text: &str) -> Vec<(usize, &str)> {
    let (mut words, mut start) = (Vec::new(), None);
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (is_word(c), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.extend(text.get(from..at).map(|word| (from, word)));
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// The text with its comments taken out and its strings made blank.
fn code(text: &str) -> String {
    let (mut code, mut chars) = (String::new(), text.chars());
    while let Some(c) = chars.next() {
        match c {
            '#' => {
                if chars.by_ref().any(|c| c == '\n') {
                    code.push('\n');
                }
            }
            '"' | '`' => {
                code.push(c);
                while let Some(inner) = chars.next() {
                    match inner {
                        '\\' if c == '"' => drop(chars.next()),
                        '\n' => code.push('\n'),
                        inner if inner == c => break,
                        _ => {}
                    }
                }
                code.push(c);
            }
            c => code.push(c),
        }
    }
    code
}

/// Words that may stand beside another at the outermost level.
const BETWEEN: [&str; 10] = ["as", "contains", "default", "else", "every", "if", "in", "not", "some", "with"];

/// Refuses a line with more than one rule, of which the second would not be seen: at the outermost level nothing else
/// puts two values side by side.
fn one_rule_a_line(code: &str) -> Result<(), String> {
    let mut depth = 0usize;
    for (number, line) in code.lines().enumerate() {
        // What a value may end with stood before, and no sign since.
        let mut after_value = false;
        let mut chars = line.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '{' | '[' | '(' => (depth, after_value) = (depth + 1, false),
                '}' | ']' | ')' => (depth, after_value) = (depth.saturating_sub(1), true),
                '"' | '`' => after_value = true,
                c if is_word(c) => {
                    let word: &str =
                        line.get(at..).unwrap_or_default().split(|c| !is_word(c)).next().unwrap_or_default();
                    while chars.next_if(|(_, c)| is_word(*c)).is_some() {}
                    let names = at == line.len() - line.trim_start().len() && ["package", "import"].contains(&word);
                    let between = names || BETWEEN.contains(&word);
                    if depth == 0 && after_value && !between {
                        return Err(format!(
                            "line {} has more than one rule: write each on a line of its own",
                            number + 1
                        ));
                    }
                    after_value = !between;
                }
                c if c.is_whitespace() => {}
                _ => after_value = false,
            }
        }
    }
    Ok(())
}

/// Splits code into rules: one begins with a word at the outermost level, at the beginning of a line that continues
/// nothing, however far in.
fn rules(code: &str) -> BTreeMap<String, String> {
    let mut rules: BTreeMap<String, String> = BTreeMap::new();
    let (mut depth, mut current, mut continues) = (0usize, None::<String>, false);
    for mut text in code.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if depth == 0 && !continues {
            let rest = text.strip_prefix("default").filter(|rest| rest.starts_with([' ', '\t']));
            let head = rest.unwrap_or(text).trim_start();
            let word: String = head.chars().take_while(|c| is_word(*c)).collect();
            match word.as_str() {
                "package" | "import" => {
                    current = None;
                    continue;
                }
                "" | "else" => {}
                _ => {
                    text = head.get(word.len()..).unwrap_or_default();
                    current = Some(word);
                }
            }
        }
        if let Some(name) = &current {
            let body = rules.entry(name.clone()).or_default();
            body.push_str(text);
            body.push('\n');
        }
        let opened = text.matches(['{', '[', '(']).count();
        let closed = text.matches(['}', ']', ')']).count();
        depth = (depth + opened).saturating_sub(closed);
        let last = text.split_whitespace().next_back().unwrap_or_default();
        continues = ["if", "not", "in", "else", "some", "every", "contains"].contains(&last)
            || last.ends_with(['=', '<', '>', '|', '&', '+', '-', '*', '/', '%', ',']);
    }
    rules
}
