//! Limits by client address: exact over all processes where passwords are guessed, local ones
//! everywhere else.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::hmac;
use commands::CommandError;
use eventstore::limits::{Limits, Quota};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, RateLimiter};
use poem::{FromRequest, Request, RequestBody};

use super::conversation::Conversation;
use super::error_code::ErrorCode;
use super::problem::Problem;
use crate::config::LimitsConfig;

const MINUTE: Duration = Duration::from_secs(60);
/// How long failures count, and how long they block.
const HOUR: Duration = Duration::from_secs(60 * 60);
/// How many requests go by between two looks for addresses that are quiet again.
const SWEEP_EVERY: u64 = 10_000;

/// One client: an address, or the network one customer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Client([u8; 16]);

impl Client {
    /// IPv6 by /64: a customer has as many addresses as they like.
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(v4.to_ipv6_mapped().octets()),
            IpAddr::V6(v6) => {
                let mut octets = v6.octets();
                octets[8..].fill(0);
                Self(octets)
            }
        }
    }
}

/// What a client is told of its limit: draft-ietf-httpapi-ratelimit-headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    pub name: &'static str,
    pub allowed: u32,
    pub remaining: u32,
    pub frees_in: Duration,
}

/// The limits of one process. Clones share the counters.
#[derive(Clone)]
pub struct AddressLimits {
    exact: Limits,
    digests: hmac::Key,
    sensitive: Quota,
    failures: Quota,
    anonymous: Arc<DefaultKeyedRateLimiter<Client>>,
    all: Arc<DefaultKeyedRateLimiter<Client>>,
    seen: Arc<AtomicU64>,
}

impl AddressLimits {
    pub fn new(exact: Limits, key: &[u8; 32], config: &LimitsConfig) -> Self {
        let a_minute = |allowed: NonZeroU32| {
            Arc::new(RateLimiter::keyed(governor::Quota::per_minute(allowed)))
        };
        Self {
            exact,
            digests: hmac::Key::new(hmac::HMAC_SHA256, key),
            sensitive: Quota { allowed: config.sensitive_per_minute.get(), span: MINUTE },
            failures: Quota { allowed: config.failures_before_block.get(), span: HOUR },
            anonymous: a_minute(config.anonymous_per_minute),
            all: a_minute(config.signed_in_per_minute),
            seen: Arc::default(),
        }
    }

    /// For whoever has shown who they are before they get here: nothing is counted.
    #[must_use]
    pub fn unlimited(&self) -> Self {
        let most = || Arc::new(RateLimiter::keyed(governor::Quota::per_second(NonZeroU32::MAX)));
        Self { anonymous: most(), all: most(), ..self.clone() }
    }

    /// Before a request is looked at. Whoever shows a token of ours may ask more often.
    pub fn admit(&self, conversation: &Conversation, has_token: bool) -> Result<(), Problem> {
        let Some(client) = conversation.address.map(Client::of) else {
            return Ok(());
        };
        if self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY) {
            self.anonymous.retain_recent();
            self.all.retain_recent();
        }
        take(&self.all, client)?;
        if has_token { Ok(()) } else { take(&self.anonymous, client) }
    }

    /// One of the few requests a minute where passwords and tokens are judged.
    async fn admit_sensitive(&self, conversation: &Conversation) -> Result<(), Problem> {
        let Some(address) = conversation.address else {
            return Ok(());
        };
        let key = self.key(b"sensitive/", Client::of(address));
        let taken = self.exact.take(&key, self.sensitive).await.map_err(away)?;
        if let Some(blocked_for) = taken.blocked_for {
            return Err(Problem::new(ErrorCode::IpBlocked).retry_after(blocked_for));
        }
        conversation.show_limit(Shown {
            name: "sensitive",
            allowed: self.sensitive.allowed,
            remaining: taken.remaining,
            frees_in: taken.frees_in,
        });
        if taken.taken {
            Ok(())
        } else {
            Err(Problem::new(ErrorCode::RateLimitExceeded).retry_after(taken.frees_in))
        }
    }

    /// Something was guessed wrong. A success does not make up for it: an attacker has an account
    /// of their own, too.
    async fn strike(&self, conversation: &Conversation) {
        let Some(client) = conversation.address.map(Client::of) else {
            return;
        };
        let (failures, blocks) = (self.key(b"failures/", client), self.key(b"sensitive/", client));
        if let Err(error) = self.exact.strike(&failures, &blocks, self.failures).await {
            tracing::warn!(%error, "a failure was not counted");
        }
    }

    /// Addresses are personal data: what is kept is a keyed digest.
    fn key(&self, kind: &[u8], client: Client) -> Vec<u8> {
        hmac::sign(&self.digests, &[kind, &client.0].concat()).as_ref().to_vec()
    }
}

fn take(limiter: &DefaultKeyedRateLimiter<Client>, client: Client) -> Result<(), Problem> {
    limiter.check_key(&client).map_err(|not_until| {
        let wait = not_until.wait_time_from(DefaultClock::default().now());
        Problem::new(ErrorCode::RateLimitExceeded).retry_after(wait)
    })
}

fn away(error: sqlx::Error) -> Problem {
    tracing::warn!(%error, "limits cannot be counted");
    Problem::new(ErrorCode::DatabaseUnavailable)
}

/// Stands first among the parameters of an operation where something can be guessed: the limit is
/// asked before the body is read.
pub struct Sensitive(AddressLimits);

impl<'a> FromRequest<'a> for Sensitive {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let limits = request
            .data::<AddressLimits>()
            .ok_or_else(|| Problem::internal(&"no limits are wired"))?;
        let conversation = Conversation::current()
            .ok_or_else(|| Problem::internal(&"a request outside of a conversation"))?;
        limits.admit_sensitive(&conversation).await?;
        Ok(Self(limits.clone()))
    }
}

impl Sensitive {
    /// Passes an outcome on, and counts it if it was a wrong guess.
    pub async fn judged<T>(&self, outcome: Result<T, CommandError>) -> Result<T, CommandError> {
        let guessed_wrong = match &outcome {
            Err(
                CommandError::WrongCredentials { .. }
                | CommandError::WrongCode { .. }
                | CommandError::Locked(_),
            ) => true,
            Err(CommandError::Refused { code, .. }) => {
                let wrong = [
                    "INVALID_CREDENTIALS",
                    "REAUTHENTICATION_REQUIRED",
                    "TOKEN_INVALID",
                    "OTP_INVALID",
                    "OTP_ATTEMPTS_EXCEEDED",
                    "OWNERSHIP_NOT_PROVEN",
                ];
                wrong.contains(code)
            }
            Ok(_) | Err(_) => false,
        };
        if guessed_wrong && let Some(conversation) = Conversation::current() {
            self.0.strike(&conversation).await;
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_s_network_is_one_client() {
        let client = |text: &str| Client::of(text.parse().unwrap());
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::9"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_eq!(client("203.0.113.7"), client("::ffff:203.0.113.7"));
        assert_ne!(client("203.0.113.7"), client("203.0.113.8"));
    }
}
