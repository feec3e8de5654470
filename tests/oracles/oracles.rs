//! Every verdict of ours on every vector, and on mutations of good bundles, beside those of other
//! verifiers: `sigstore-verify` and `sigstore` run here, and sigstore-python and sigstore-js where
//! `SEALMARK_PEERS` has them; their verdicts on the vectors are in `EXPECT.tsv`. Each difference stands in `differences.tsv` with its reason; one that does
//! not fails the test, and so does a line that explains nothing any more.

#![cfg(test)]
#![allow(dead_code, reason = "the modules shared with tests/it hold more than is used here")]

mod differences;
mod mutations;
mod peers;
mod process;

// The modules that tests/it has for the same vectors.
#[path = "../it/bundles/ours.rs"]
mod ours;
#[path = "../it/bundles/row.rs"]
mod row;
#[path = "../it/vectors.rs"]
mod vectors;

use differences::Table;
use ours::Given;
use peers::Peer;
use process::Process;
use row::Row;
use sealmark::verify::Promise;

/// `accept`, or why not.
type Verdict = Result<(), String>;

fn our_verdict(row: &Row) -> Verdict {
    let verdict = ours::verdict(row, Given::Bytes, &ours::trust(row, Promise::Refused));
    verdict.map_err(|(code, _)| code)
}

fn cases() -> Option<Vec<Row>> {
    let mut rows = row::expected()?;
    rows.extend(row::conformance()?);
    Some(rows)
}

#[test]
fn vectors() {
    let Some(rows) = cases() else { return };
    let mut table = Table::load("vector");
    for row in &rows {
        let ours = our_verdict(row);
        for peer in Peer::ALL {
            table.compare(&row.name, peer.name(), &ours, &peer.verdict(row));
        }
        for (peer, cell) in ["sigstore-python", "sigstore-js"].into_iter().zip(&row.peers) {
            if let Some(theirs) = peers::recorded(cell, row.instance) {
                table.compare(&row.name, peer, &ours, &theirs);
            }
        }
    }
    table.finish();
}

#[test]
fn mutations() {
    let Some(rows) = row::conformance() else { return };
    let mut table = Table::load("mutation");
    let cases = mutations::of(&rows);
    for case in &cases {
        let ours = our_verdict(&case.row);
        for peer in case.peers.iter().copied() {
            table.compare(&case.row.name, peer.name(), &ours, &peer.verdict(&case.row));
        }
    }
    for (name, process) in [("sigstore-python", Process::python()), ("sigstore-js", Process::js())] {
        let Some(mut process) = process else {
            println!("left out: {name} on mutations: not below SEALMARK_PEERS");
            continue;
        };
        let mut good = std::collections::BTreeMap::new();
        for case in &cases {
            // As with the others: only what it accepts unchanged.
            let unchanged = good.entry(case.good.name.clone()).or_insert_with(|| process.verdict(&case.good).is_ok());
            if *unchanged {
                table.compare(&case.row.name, name, &our_verdict(&case.row), &process.verdict(&case.row));
            }
        }
    }
    table.finish();
}
