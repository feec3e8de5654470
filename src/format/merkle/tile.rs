//! Tiles of a log, <https://c2sp.org/tlog-tiles>: their coordinates, their paths and what is in them.
//! Paths are parsed into numbers and made from numbers; text never reaches a file system.

use std::fmt;

use thiserror::Error;

use super::{Hash, node_hash};

/// Hashes, entries or levels in a full tile: 256 wide, 8 levels high.
pub const WIDTH: u16 = 256;
/// Levels of the tree in one tile.
pub const HEIGHT: u8 = 8;
/// The highest level of a tile: above it no tree of 2^63 leaves reaches.
const MAX_LEVEL: u8 = 63;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TileKind {
    /// Hashes of the tree's level 8 × `level`.
    Hashes {
        /// Level of the tile, at most 63.
        level: u8,
    },
    /// Log entries.
    Entries,
    /// Log entries of a CT log (<https://c2sp.org/static-ct-api>).
    Data,
}

/// A tile: what it holds, its place at its level, and how much of it there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    kind: TileKind,
    index: u64,
    width: u16,
}

/// Why a tile is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TileError {
    /// Not the path of a tile.
    #[error("not the path of a tile")]
    Path,
    /// Not as many hashes or entries as the tile's width says, or a length that does not fit.
    #[error("tile does not hold {width} items")]
    Contents {
        /// Items the tile should hold.
        width: u16,
    },
}

impl Tile {
    /// A tile of `width` items, 1 to [`WIDTH`].
    pub fn new(kind: TileKind, index: u64, width: u16) -> Option<Self> {
        let level = matches!(kind, TileKind::Hashes { level: 0..=MAX_LEVEL } | TileKind::Entries | TileKind::Data);
        (level && (1..=WIDTH).contains(&width)).then_some(Self { kind, index, width })
    }

    /// The tile with index `index` as a tree of `size` leaves has it; `None` when that tree has no such tile.
    pub fn of_tree(kind: TileKind, index: u64, size: u64) -> Option<Self> {
        let level = if let TileKind::Hashes { level } = kind { level } else { 0 };
        let items = size.checked_shr(u32::from(level) * u32::from(HEIGHT)).unwrap_or(0);
        let width = items.checked_sub(index.checked_mul(u64::from(WIDTH))?)?.min(u64::from(WIDTH));
        Self::new(kind, index, width as u16)
    }

    /// The tile that holds a complete node of a tree of `size` leaves, and the node's place in it: its
    /// level above the tile's hashes and its index there, for [`node_in`].
    pub fn of_node(level: u8, index: u64, size: u64) -> Option<(Self, u8, u16)> {
        let (tile_level, above) = (level / HEIGHT, level % HEIGHT);
        let per_tile = u32::from(HEIGHT - above);
        let tile = Self::of_tree(TileKind::Hashes { level: tile_level }, index >> per_tile, size)?;
        Some((tile, above, (index & ((1 << per_tile) - 1)) as u16))
    }

    /// What it holds.
    pub fn kind(&self) -> TileKind {
        self.kind
    }

    /// Its place among the tiles of its kind and level.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Items in it, 1 to [`WIDTH`].
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether it is full, and so will never change.
    pub fn is_full(&self) -> bool {
        self.width == WIDTH
    }

    /// Reads a path such as `tile/3/x001/x234/067` or `tile/entries/000.p/17`.
    pub fn parse(path: &str) -> Result<Self, TileError> {
        let rest = path.strip_prefix("tile/").ok_or(TileError::Path)?;
        let (kind, rest) = rest.split_once('/').ok_or(TileError::Path)?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            "data" => TileKind::Data,
            level => TileKind::Hashes { level: decimal(level).ok_or(TileError::Path)? },
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => {
                (index, decimal(width).filter(|width| (1..WIDTH).contains(width)).ok_or(TileError::Path)?)
            }
            None => (rest, WIDTH),
        };
        Self::new(kind, parse_index(index).ok_or(TileError::Path)?, width).ok_or(TileError::Path)
    }

    /// The hashes of a tile of hashes.
    pub fn hashes(&self, bytes: &[u8]) -> Result<Vec<Hash>, TileError> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        if hashes.len() == usize::from(self.width) && rest.is_empty() {
            Ok(hashes.to_vec())
        } else {
            Err(TileError::Contents { width: self.width })
        }
    }

    /// The entries of a tile of [`TileKind::Entries`], each with its length before it as a big-endian u16.
    pub fn entries<'a>(&self, mut bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, TileError> {
        let wrong = TileError::Contents { width: self.width };
        let mut entries = Vec::with_capacity(usize::from(self.width));
        for _ in 0..self.width {
            let (length, rest) = bytes.split_first_chunk::<2>().ok_or(wrong)?;
            let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or(wrong)?;
            entries.push(entry);
            bytes = rest;
        }
        if bytes.is_empty() { Ok(entries) } else { Err(wrong) }
    }
}

/// Appends one entry to a tile of [`TileKind::Entries`]; `None`, and nothing written, when it is longer
/// than 65,535 bytes.
pub fn push_entry(tile: &mut Vec<u8>, entry: &[u8]) -> Option<()> {
    tile.extend_from_slice(&u16::try_from(entry.len()).ok()?.to_be_bytes());
    tile.extend_from_slice(entry);
    Some(())
}

/// The node `above` levels over the hashes of a tile, at `index` there; `None` when the tile does not
/// hold all of it.
pub fn node_in(hashes: &[Hash], above: u8, index: u16) -> Option<Hash> {
    let width = 1usize.checked_shl(above.into())?;
    let start = usize::from(index).checked_mul(width)?;
    let mut level = hashes.get(start..start.checked_add(width)?)?.to_vec();
    while level.len() > 1 {
        level = level.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    level.first().copied()
}

impl fmt::Display for Tile {
    /// The path, without a leading slash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes { level } => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
            TileKind::Data => f.write_str("tile/data/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups.iter().skip(1).rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// Groups of three digits, all but the last behind an `x`, the first not `x000`.
fn parse_index(text: &str) -> Option<u64> {
    let mut index = 0u64;
    let mut groups = text.split('/').peekable();
    let mut first = true;
    while let Some(group) = groups.next() {
        let digits = if groups.peek().is_some() { group.strip_prefix('x')? } else { group };
        if digits.len() != 3 || !digits.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        if first && groups.peek().is_some() && digits == "000" {
            return None;
        }
        first = false;
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(index)
}

/// A decimal number without sign or leading zeros.
fn decimal<T: std::str::FromStr>(text: &str) -> Option<T> {
    let plain = text.bytes().all(|c| c.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}
