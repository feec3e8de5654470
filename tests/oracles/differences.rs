//! `differences.tsv`: which verdicts differ, and why that is right.

use std::collections::BTreeMap;

use crate::Verdict;

/// One line of the table. In each cell `*` stands for any characters.
struct Line {
    case: String,
    peer: String,
    ours: String,
    theirs: String,
    used: bool,
}

/// How one peer's verdicts compare with ours.
#[derive(Default)]
struct Tally {
    compared: usize,
    only_theirs_accept: usize,
    only_ours_accept: usize,
}

/// The lines of one kind, and the differences that none of them explains.
pub(crate) struct Table {
    lines: Vec<Line>,
    unexplained: Vec<String>,
    tallies: BTreeMap<String, Tally>,
}

/// Whether `pattern`, in which `*` stands for any characters, matches the whole of `text`.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, rest)) => text
            .strip_prefix(before)
            .is_some_and(|text| (0..=text.len()).any(|at| text.is_char_boundary(at) && matches(rest, &text[at..]))),
    }
}

/// `accept`, or what was said against it.
fn word(verdict: &Verdict) -> &str {
    verdict.as_ref().map_or_else(String::as_str, |()| "accept")
}

impl Table {
    /// The lines whose first column is `kind`.
    pub(crate) fn load(kind: &str) -> Self {
        let text = include_str!("differences.tsv");
        let lines = text.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
        let of_kind = lines.filter(|cells| cells[0] == kind);
        let lines = of_kind.map(|cells| {
            assert!(cells.len() == 6 && !cells[5].is_empty(), "six columns, the last a reason: {cells:?}");
            let cell = |at: usize| cells[at].to_owned();
            Line { case: cell(1), peer: cell(2), ours: cell(3), theirs: cell(4), used: false }
        });
        Self { lines: lines.collect(), unexplained: Vec::new(), tallies: BTreeMap::new() }
    }

    /// Compares two verdicts on a case.
    pub(crate) fn compare(&mut self, case: &str, peer: &str, ours: &Verdict, theirs: &Verdict) {
        let tally = self.tallies.entry(peer.to_owned()).or_default();
        tally.compared += 1;
        match (ours, theirs) {
            (Ok(()), Err(_)) => tally.only_ours_accept += 1,
            (Err(_), Ok(())) => tally.only_theirs_accept += 1,
            _ => return,
        }
        let (ours, theirs) = (word(ours), word(theirs));
        let line = self.lines.iter_mut().find(|line| {
            matches(&line.case, case)
                && matches(&line.peer, peer)
                && matches(&line.ours, ours)
                && matches(&line.theirs, theirs)
        });
        match line {
            Some(line) => line.used = true,
            None => self.unexplained.push(format!("{case}\t{peer}\t{ours}\t{theirs}")),
        }
    }

    /// Fails on a difference without a line, and on a line without a difference.
    pub(crate) fn finish(self) {
        for (peer, Tally { compared, only_theirs_accept, only_ours_accept }) in &self.tallies {
            println!(
                "{peer}: {compared} verdicts compared; {only_theirs_accept} accepted by it alone, \
                 {only_ours_accept} by us alone"
            );
        }
        // A peer that is not here explains nothing, and need not.
        let asked = |line: &&Line| self.tallies.keys().any(|peer| matches(&line.peer, peer));
        let idle: Vec<_> = self.lines.iter().filter(|line| !line.used).filter(asked).map(|line| &line.case).collect();
        assert!(
            self.unexplained.is_empty(),
            "{} verdicts differ without a reason:\n{}",
            self.unexplained.len(),
            self.unexplained.join("\n")
        );
        assert!(idle.is_empty(), "lines that explain nothing: {idle:?}");
    }
}
