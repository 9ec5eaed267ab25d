//! What a tenant wants of passwords.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Tenant, TenantError, TenantEvent};
use crate::command::Command;
use crate::permission::Permission;
use crate::violation::Violation;

/// No tenant takes shorter ones, and nobody hashes longer ones.
pub const LENGTHS: std::ops::RangeInclusive<usize> = 8..=128;
/// How many former passwords can be remembered, the present one among them.
pub const MAX_HISTORY: usize = 5;
/// How strong a password can be: as zxcvbn has it, from 0 (guessed at once) to 4.
pub const MAX_STRENGTH: u8 = 4;
const MAX_LIFE_DAYS: u32 = 3_650;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a password has to be like. The default is what the platform's requirements say; NIST SP
/// 800-63B and OWASP ASVS 5.0 would have neither composition rules nor expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PasswordPolicy {
    pub min_length: usize,
    pub upper_case: bool,
    pub lower_case: bool,
    pub digit: bool,
    pub special_character: bool,
    pub min_strength: u8,
    /// So many of the last passwords, the present one among them, may not come again.
    pub history: usize,
    /// After how many days another one has to be set; never, if none.
    pub life_days: Option<u32>,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            min_length: *LENGTHS.start(),
            upper_case: true,
            lower_case: true,
            digit: true,
            special_character: true,
            min_strength: 2,
            history: MAX_HISTORY,
            life_days: Some(90),
        }
    }
}

impl PasswordPolicy {
    /// The policy, if it is one that can be kept; else which of its fields cannot.
    pub fn check(self) -> Result<Self, Vec<(&'static str, Violation)>> {
        let out_of =
            |min: usize, max: usize| Violation::OutOfRange(min.to_string(), max.to_string());
        let max_strength = usize::from(MAX_STRENGTH);
        let broken = [
            (LENGTHS.contains(&self.min_length), "minLength", (*LENGTHS.start(), 64)),
            (self.min_length <= 64, "minLength", (*LENGTHS.start(), 64)),
            (self.min_strength <= MAX_STRENGTH, "minStrength", (0, max_strength)),
            (self.history <= MAX_HISTORY, "history", (0, MAX_HISTORY)),
            (
                self.life_days.is_none_or(|days| (1..=MAX_LIFE_DAYS).contains(&days)),
                "lifeDays",
                (1, 3_650),
            ),
        ];
        let mut violations: Vec<(&'static str, Violation)> = broken
            .into_iter()
            .filter(|(kept, _, _)| !kept)
            .map(|(_, field, (min, max))| (field, out_of(min, max)))
            .collect();
        violations.dedup();
        if violations.is_empty() { Ok(self) } else { Err(violations) }
    }

    pub fn life(&self) -> Option<Duration> {
        self.life_days.map(|days| DAY * days)
    }
}

/// The policy has been checked.
pub struct ChangePasswordPolicy {
    pub policy: PasswordPolicy,
}

impl Command<Tenant> for ChangePasswordPolicy {
    const REQUIRES: Permission = Permission::MANAGE_TENANT;

    fn decide(&self, tenant: &Tenant) -> Result<Vec<TenantEvent>, TenantError> {
        let settings = tenant.settings()?;
        if settings.passwords == self.policy {
            return Ok(vec![]);
        }
        Ok(vec![TenantEvent::PasswordPolicyChanged { policy: self.policy }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn a_policy_is_changed_for_another() {
        let created = TenantEvent::TenantCreated { name: "Islay Casks".into() };
        let policy =
            PasswordPolicy { min_length: 15, life_days: None, ..PasswordPolicy::default() };
        let changed = TenantEvent::PasswordPolicyChanged { policy };
        given::<Tenant>(vec![created.clone()])
            .when(ChangePasswordPolicy { policy })
            .then_expect_events(vec![changed.clone()]);
        given::<Tenant>(vec![created, changed])
            .when(ChangePasswordPolicy { policy })
            .then_expect_events(vec![]);
        given::<Tenant>(vec![])
            .when(ChangePasswordPolicy { policy })
            .then_expect_error(TenantError::Absent);
    }

    #[test]
    fn only_what_can_be_kept_is_a_policy() {
        let policy = PasswordPolicy::default();
        assert_eq!(policy.check(), Ok(policy));
        let fields = |policy: PasswordPolicy| -> Vec<&str> {
            policy.check().unwrap_err().into_iter().map(|(field, _)| field).collect()
        };
        assert_eq!(fields(PasswordPolicy { min_length: 7, ..policy }), ["minLength"]);
        assert_eq!(fields(PasswordPolicy { min_length: 129, ..policy }), ["minLength"]);
        let several = PasswordPolicy { min_strength: 5, history: 6, life_days: Some(0), ..policy };
        assert_eq!(fields(several), ["minStrength", "history", "lifeDays"]);
    }
}
