//! The file that carries the development chain from one start to the next.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use crate::EmbeddedError;
use crate::folder::write_private;

/// Two generations of the chain's state, compressed as anvil hands it over; the checksum that
/// compression brings tells a damaged file from a whole one.
#[derive(Clone, Debug)]
pub(crate) struct ChainState {
    current: PathBuf,
    previous: PathBuf,
}

impl ChainState {
    pub(crate) fn below(folder: &Path) -> Self {
        Self {
            current: folder.join("state.json.gz"),
            previous: folder.join("state.previous.json.gz"),
        }
    }

    /// Keeps a new state; at every moment there is a whole one under one of the two names.
    pub(crate) fn write(&self, compressed: &[u8]) -> Result<(), EmbeddedError> {
        let doing = || format!("keep {}", self.previous.display());
        // A second name for the present file, not a move: "current" is never missing.
        for result in
            [fs::remove_file(&self.previous), fs::hard_link(&self.current, &self.previous)]
        {
            match result {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(EmbeddedError::io(doing())(error));
                }
                _ => {}
            }
        }
        write_private(&self.current, compressed)
    }

    /// Unpacks the newest whole state for anvil to load; `false` if there is none yet.
    ///
    /// That both are damaged is an error, not a new chain: one must not lose data in silence.
    pub(crate) fn unpack(&self, to: &Path) -> Result<bool, EmbeddedError> {
        let mut damage = None;
        for path in [&self.current, &self.previous] {
            match unpack(path, to) {
                Ok(()) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let doing = format!("read {}", path.display());
                    damage.get_or_insert_with(|| EmbeddedError::io(doing)(error));
                }
            }
        }
        damage.map_or(Ok(false), Err)
    }
}

fn unpack(from: &Path, to: &Path) -> io::Result<()> {
    let mut packed = GzDecoder::new(File::open(from)?);
    let mut plain = BufWriter::new(File::create(to)?);
    io::copy(&mut packed, &mut plain)?;
    // What follows the compressed part is not ours; reading on also checks the checksum.
    packed.read_to_end(&mut Vec::new())?;
    plain.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_damaged_file_gives_way_to_the_one_before() {
        let temp = tempfile::tempdir().unwrap();
        let state = ChainState::below(temp.path());
        let plain = temp.path().join("plain");
        assert!(!state.unpack(&plain).unwrap());
        for text in ["one", "two", "three"] {
            state.write(&packed(text)).unwrap();
        }
        assert!(state.unpack(&plain).unwrap());
        assert_eq!(fs::read_to_string(&plain).unwrap(), "three");

        let whole = fs::read(&state.current).unwrap();
        fs::remove_file(&state.current).unwrap();
        fs::write(&state.current, &whole[..whole.len() - 3]).unwrap();
        assert!(state.unpack(&plain).unwrap());
        assert_eq!(fs::read_to_string(&plain).unwrap(), "two");

        fs::write(&state.previous, b"nonsense").unwrap();
        state.unpack(&plain).unwrap_err();
    }
}
