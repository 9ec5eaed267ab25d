//! The write-ahead log as files: whether they go on without a gap from where a base backup ends.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::failed;
use crate::wiring::StartError;

/// Bytes that are numbered by one part of a file's name.
const PART: u64 = 1 << 32;

/// The first file that is missing from the end of a base backup on, up to the last one there is.
pub fn missing_since(base: &Path, wal: &Path, segment: u64) -> Result<Option<String>, StartError> {
    let manifest = base.join("backup_manifest");
    let text = std::fs::read_to_string(&manifest).map_err(failed(&manifest))?;
    let (timeline, end) = end_of(&text)
        .ok_or_else(|| StartError::Other(format!("{}: no manifest", manifest.display())))?;
    Ok(missing(&names(wal)?, (timeline, end), segment))
}

/// Whether a file is there, whole or as far as it is written; or one that comes after it.
pub fn has_come(wal: &Path, file: &str) -> Result<bool, StartError> {
    let names = names(wal)?;
    Ok(names.iter().filter_map(|name| name.get(..24)).any(|name| name >= file))
}

/// The names of the files; none where nothing was ever written to.
fn names(wal: &Path) -> Result<BTreeSet<String>, StartError> {
    let entries = match std::fs::read_dir(wal) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(failed(wal)(error)),
    };
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        Ok(entry.map_err(failed(wal))?.file_name().to_string_lossy().into_owned())
    };
    entries.map(name).collect()
}

/// Timeline and position at which a base backup is complete.
fn end_of(manifest: &str) -> Option<(u32, u64)> {
    let read: Value = serde_json::from_str(manifest).ok()?;
    let last = read["WAL-Ranges"].as_array()?.last()?;
    let (high, low) = last["End-LSN"].as_str()?.split_once('/')?;
    let part = |hex| u64::from_str_radix(hex, 16).ok();
    let timeline = u32::try_from(last["Timeline"].as_u64()?).ok()?;
    Some((timeline, part(high)?.checked_mul(PART)? + part(low)?))
}

fn missing(names: &BTreeSet<String>, (timeline, end): (u32, u64), segment: u64) -> Option<String> {
    let name = |number: u64| {
        let (high, low) = (number / (PART / segment), number % (PART / segment));
        format!("{timeline:08X}{high:08X}{low:08X}")
    };
    let is_there = |name: &str| names.contains(name) || names.contains(&format!("{name}.partial"));
    // What comes after it sorts after it.
    let of_timeline = |file: &&String| file.starts_with(&format!("{timeline:08X}"));
    let last = names.iter().filter(of_timeline).filter_map(|file| file.get(..24)).next_back()?;
    let from_here = (end / segment..).map(name).take_while(|wanted| wanted.as_str() <= last);
    let mut from_here = from_here.peekable();
    // The follower may have nothing yet of where the backup ends: then nothing is missing but all.
    from_here.peek()?;
    from_here.find(|wanted| !is_there(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1_048_576;

    fn set(of: &[&str]) -> BTreeSet<String> {
        of.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_end_of_a_base_backup_is_in_its_manifest() {
        let manifest = r#"{"Files": [], "WAL-Ranges": [
            {"Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "1/FF000100"}]}"#;
        assert_eq!(end_of(manifest), Some((1, PART + 0xff00_0100)));
        assert_eq!(end_of("{}"), None);
    }

    #[test]
    fn a_gap_is_found_also_where_the_second_part_of_the_number_begins_anew() {
        let end = (1, PART - 16 * MIB + 0x100);
        let files = ["0000000100000000000000FF", "000000010000000100000000.partial"];
        assert_eq!(missing(&set(&files), end, 16 * MIB), None);
        let files = ["0000000100000000000000FF", "000000010000000100000001"];
        let gap = missing(&set(&files), end, 16 * MIB);
        assert_eq!(gap.as_deref(), Some("000000010000000100000000"));
        let files = ["000000010000000100000000"];
        let gap = missing(&set(&files), end, 16 * MIB);
        assert_eq!(gap.as_deref(), Some("0000000100000000000000FF"));
        // Older files, other timelines, nothing at all.
        let files = ["0000000100000000000000AA", "0000000200000001000000FF", "00000002.history"];
        assert_eq!(missing(&set(&files), end, 16 * MIB), None);
        assert_eq!(missing(&set(&[]), end, 16 * MIB), None);
    }
}
