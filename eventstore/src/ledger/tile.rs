//! Tiles: C2SP `tlog-tiles`. 256 hashes of one level, or the 256 entries below such a tile, at a path
//! whose content never changes.

use super::hash::Hash;

/// Levels of the tree between two levels of tiles.
pub const HEIGHT: u32 = 8;
/// Hashes of a full tile.
pub const WIDTH: usize = 256;
/// More is not there: 256 to the eighth entries are more than a `u64` counts.
const HIGHEST: u8 = 7;

/// Where a tile stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    pub level: u8,
    pub number: u64,
}

/// What a path below `tile/` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Of hashes; of the entries themselves if there is no level.
    pub level: Option<u8>,
    pub number: u64,
    /// From 1 to 256.
    pub width: usize,
}

impl Asked {
    /// Reads `<level>/<number>` or `entries/<number>`, with `.p/<width>` after it where the tile is
    /// not full. The number is in groups of three digits, all but the last with an `x` before them.
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.split_once('/')?;
        let level = match level {
            "entries" => None,
            level => Some(level.parse().ok().filter(|it| level == HIGHEST.min(*it).to_string())?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => {
                let width = plain(width).filter(|width| (1..WIDTH as u64).contains(width))?;
                (number, usize::try_from(width).ok()?)
            }
            None => (rest, WIDTH),
        };
        Some(Self { level, number: grouped(number)?, width })
    }

    /// How big a tree has to be for it to be there.
    pub fn needs(&self) -> Option<u64> {
        let hashes = self.number.checked_mul(WIDTH as u64)?.checked_add(self.width as u64)?;
        hashes.checked_mul(1_u64.checked_shl(HEIGHT * u32::from(self.level.unwrap_or(0)))?)
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.level {
            Some(level) => write!(f, "{level}/")?,
            None => write!(f, "entries/")?,
        }
        let mut groups = vec![format!("{:03}", self.number % 1000)];
        let mut more = self.number / 1000;
        while more > 0 {
            groups.push(format!("x{:03}", more % 1000));
            more /= 1000;
        }
        groups.reverse();
        f.write_str(&groups.join("/"))?;
        if self.width < WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// A number as it is printed: no sign, no zeros before it.
fn plain(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn grouped(text: &str) -> Option<u64> {
    let (mut number, mut groups) = (0_u64, text.split('/').peekable());
    let mut first = true;
    while let Some(group) = groups.next() {
        let digits = match groups.peek() {
            Some(_) => group.strip_prefix('x')?,
            None => group,
        };
        if digits.len() != 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let value: u64 = digits.parse().ok()?;
        if first && value == 0 && groups.peek().is_some() {
            return None;
        }
        first = false;
        number = number.checked_mul(1000)?.checked_add(value)?;
    }
    Some(number)
}

/// Hashes one after the other.
pub fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.concat()
}

/// The hashes of a tile; none if it is not one of whole hashes.
pub fn hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    rest.is_empty().then(|| hashes.to_vec())
}

/// The entries of a tile, each after its length in two bytes; none if it is not one of whole entries.
pub fn entries(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::with_capacity(WIDTH);
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        bytes = rest;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let of = |level, number, width| Asked { level, number, width }.to_string();
        assert_eq!(of(Some(0), 0, 256), "0/000");
        assert_eq!(of(Some(3), 1_234_067, 256), "3/x001/x234/067");
        assert_eq!(of(None, 1_067, 5), "entries/x001/067.p/5");
        for wrong in [
            "",
            "0",
            "0/",
            "0/1",
            "0/0001",
            "00/001",
            "+1/001",
            "8/000",
            "0/x000/001",
            "0/001.p/0",
            "0/001.p/256",
            "0/001.p/05",
            "0/x001",
            "0/001/002",
            "0/001.p/",
            "entries",
            "x/001",
            "0/001.p/1.p/1",
            "0/-01",
            "0/x001/0a1",
            "0/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(Asked::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_path_that_is_printed_is_read(
            level in proptest::option::of(0..=HIGHEST), number in 0..u64::MAX, width in 1..=WIDTH,
        ) {
            let asked = Asked { level, number, width };
            prop_assert_eq!(Asked::parse(&asked.to_string()), Some(asked));
        }
    }
}
