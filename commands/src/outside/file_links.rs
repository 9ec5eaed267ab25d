//! Links to private files: whoever has one sees that file, for a few minutes.

use domain::id::{FileId, TenantId};
use domain::moment::Moment;

use super::derived::Derived;

/// How long a link is good, in seconds.
pub const LINK_LIFE_S: i64 = 5 * 60;

/// Derives and checks links.
pub struct FileLinks(Derived);

/// What a link opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    pub tenant: TenantId,
    pub file: FileId,
}

impl FileLinks {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Derived::new(key, b"caskchain/file/v1", "ccf_"))
    }

    /// A link and when it ends.
    pub fn link(&self, of: Opened, now: Moment) -> (String, Moment) {
        let until = now.plus(std::time::Duration::from_secs(LINK_LIFE_S.unsigned_abs()));
        let facts = [of.tenant.value(), of.file.value(), until.unix_ms()];
        (self.0.token(facts), until)
    }

    /// What it opens, if it is one of ours and not too old.
    pub fn check(&self, link: &str, now: Moment) -> Option<Opened> {
        let [tenant, file, until] = self.0.check(link)?;
        let good = now < Moment::from_unix_ms(until);
        good.then(|| Opened { tenant: TenantId::new(tenant), file: FileId::new(file) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_link_opens_one_file_for_a_while() {
        let (links, now) = (FileLinks::new(&[7; 32]), Moment::from_unix_ms(1_800_000));
        let of = Opened { tenant: TenantId::new(1), file: FileId::new(9) };
        let (link, until) = links.link(of, now);
        assert_eq!(until, now.plus(Duration::from_secs(300)));
        assert_eq!(links.check(&link, now), Some(of));
        assert_eq!(links.check(&link, until), None);
        assert_eq!(FileLinks::new(&[8; 32]).check(&link, now), None);
    }
}
