//! Thousands of mutated seeds for every parser, the same ones at every run: none panics, and what parses
//! holds what `tests/fuzz/parsers.rs` says of it. The long search is the fuzz targets' (`tests/fuzz`).

#[path = "../fuzz/parsers.rs"]
#[expect(unreachable_pub, reason = "it is the library of the fuzz targets")]
mod parsers;
mod seeds;

use std::panic::catch_unwind;

/// Mutants of each parser: with small seeds and the dev profile a second or two.
const MUTANTS: usize = 3000;

/// Marsaglia's xorshift64: the same sequence everywhere.
struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Bytes that mean something to one parser or another.
const TELLING: &[&[u8]] = &[
    b"",
    b"\0",
    b"\xff",
    b"\x80",
    b"\x7f",
    b"\x30\x80",
    b"\x30\x84\xff\xff\xff\xff",
    b"\x02\x01\x00",
    b"\n",
    b"\n\n",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"null",
    b"-1",
    b"0",
    b"1e400",
    b"18446744073709551616",
    b"9223372036854775808",
    b".",
    b"/",
    b"=",
    b"- ",
    b"\xe2\x80\x94 ",
    b"\\u0000",
    b"\\ud800",
    b"*",
    b"**",
    b"&a",
    b"*a",
    b"!!str ",
    b"\t",
];

/// One to four edits of a seed.
fn mutate(seed: &[u8], random: &mut Xorshift) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let end = at + random.below(bytes.len() - at).min(random.below(64));
        match random.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = random.next() as u8,
            2 => drop(bytes.drain(at..end)),
            3 => {
                let repeated = bytes[at..end].to_vec();
                bytes.splice(end..end, repeated);
            }
            4 => bytes.truncate(at),
            _ => drop(bytes.splice(at..end, TELLING[random.below(TELLING.len())].iter().copied())),
        }
    }
    bytes
}

/// Runs a parser over its seeds' mutants; the inputs that it panicked at.
fn run(name: &str, parser: parsers::Parser) -> Vec<String> {
    let seeds = seeds::of(name);
    let mut random = Xorshift(0x5ea1_3a5c);
    let mutants = (0..MUTANTS).map(|n| mutate(&seeds[n % seeds.len()], &mut random));
    let panics = mutants.filter(|input| catch_unwind(|| parser(input)).is_err());
    panics.map(|input| format!("{name}: {}", input.escape_ascii())).collect()
}

#[test]
fn no_parser_panics() {
    let panics: Vec<_> = parsers::ALL.iter().flat_map(|(name, parser)| run(name, *parser)).collect();
    assert!(panics.is_empty(), "{} inputs:\n{}", panics.len(), panics.join("\n"));
}

/// Mutants of what does not parse would test the first line of a parser only.
#[test]
fn seeds_parse() {
    for (name, parser) in parsers::ALL {
        let seeds = seeds::of(name);
        let parsed = seeds.iter().filter(|seed| parser(seed)).count();
        assert!(parsed * 2 > seeds.len(), "{name}: {parsed} of {} seeds parse", seeds.len());
    }
}

/// Writes the seeds where cargo-fuzz looks for them: `cargo test --test it seeds -- --ignored`.
#[test]
#[ignore = "writes files, for the fuzz targets"]
fn seeds_for_the_fuzz_targets() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (name, _) in parsers::ALL {
        let folder = corpus.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for (index, seed) in seeds::of(name).iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{index}")), seed).unwrap();
        }
    }
}
