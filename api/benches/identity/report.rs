//! What was found, for people and, in the last line, for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::arrivals::{Class, Outcome};
use crate::bare_hashes::Bare;
use crate::child::can_pin;
use crate::closed_loop::Pace;
use crate::others::Others;
use crate::scale::{
    PEOPLE, REFRESHING_AT_ONCE, SIGN_OUTS, SIGNING_IN_AT_ONCE, TENANTS, VERIFYING_AT_ONCE, users,
};

pub struct Findings {
    pub outcomes: BTreeMap<Class, Vec<Outcome>>,
    pub rss_mib: f64,
    pub db_connections: i64,
    pub sign_ins: SignIns,
    pub refreshes: Pace,
    pub verifications: Pace,
    pub sign_outs: Vec<Duration>,
    pub others: Result<Others, String>,
}

/// As many sign-ins as could be.
pub struct SignIns {
    pub pace: Pace,
    /// The share of its core the API process got meanwhile.
    pub busy: f64,
    /// Of one sign-in.
    pub cpu_ms: f64,
    pub bare: Bare,
}

pub fn print(findings: &Findings) {
    println!(
        "\nloaded: {TENANTS} tenants, {} users, of whom {PEOPLE} sign in; API process on {}\n",
        users(),
        if can_pin() { "one core of its own" } else { "ALL cores: there is no taskset" },
    );
    let (p95, errors) = arrivals(&findings.outcomes);
    let [revoke_p50_ms, _, revoke_p99_ms] = percentiles(findings.sign_outs.iter().copied());
    let Findings { rss_mib, db_connections, sign_ins, verifications, .. } = findings;
    let SignIns { pace, busy, cpu_ms, bare } = sign_ins;
    println!(
        "\nAPI process after that: {rss_mib:.0} MiB, at most {db_connections} database connections\n\
         sign-ins, {SIGNING_IN_AT_ONCE} at once: {:.1} per second, each {cpu_ms:.1} ms of the core, \
         of which the process got {:.0} %;\n\
         bare argon2id before and after, on the same core: {:.1} per second by the crate argon2, each \
         {:.1} ms; {:.1} per second by the platform's pool, each {:.1} ms\n\
         signed out at one process, known at the other: p50 {revoke_p50_ms:.1} ms, \
         p99 {revoke_p99_ms:.1} ms of {SIGN_OUTS}\n",
        pace.per_s,
        busy * 100.0,
        bare.library.per_s,
        bare.library.cpu_ms,
        bare.pool.per_s,
        bare.pool.cpu_ms,
    );
    let beside_others = side_by_side(findings);
    println!(
        "\nRESULT p95_sign_in_ms={:.1} p95_refresh_ms={:.1} p95_read_ms={:.1} errors={errors:.4} \
         rss_mib={rss_mib:.0} db_connections={db_connections} hash_ratio={:.2} \
         verify_per_s={:.0} revoke_p99_ms={revoke_p99_ms:.1} sign_in_cpu_ms={cpu_ms:.1} \
         hash_cpu_ms={:.1} stock_ratio={:.2}{beside_others}",
        p95[&Class::SignIn],
        p95[&Class::Refresh],
        p95[&Class::Read],
        pace.per_s / bare.pool.per_s,
        verifications.per_s,
        bare.pool.cpu_ms,
        pace.per_s / bare.library.per_s,
    );
}

/// The open loop; gives the 95th percentiles and the share of errors.
fn arrivals(classes: &BTreeMap<Class, Vec<Outcome>>) -> (BTreeMap<Class, f64>, f64) {
    println!(
        "{:<10} {:>8} {:>8} {:>10} {:>10} {:>10}",
        "class", "arrivals", "errors", "p50 ms", "p95 ms", "p99 ms"
    );
    let (mut asked, mut failed) = (0, 0);
    let mut reasons: BTreeMap<&str, u32> = BTreeMap::new();
    let mut p95 = BTreeMap::new();
    for (class, outcomes) in classes {
        let took: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        for reason in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            *reasons.entry(reason).or_default() += 1;
        }
        let errors = outcomes.len() - took.len();
        (asked, failed) = (asked + outcomes.len(), failed + errors);
        let [at_50, at_95, at_99] = percentiles(took.into_iter().copied());
        p95.insert(*class, at_95);
        println!(
            "{:<10} {:>8} {errors:>8} {at_50:>10.1} {at_95:>10.1} {at_99:>10.1}",
            class.name(),
            outcomes.len(),
        );
    }
    for (reason, times) in reasons {
        println!("    {times} times {reason}");
    }
    (p95, share(failed, asked))
}

/// Closed loops, ours and theirs; gives what belongs into the last line.
fn side_by_side(findings: &Findings) -> String {
    let Findings { sign_ins, refreshes, verifications, .. } = findings;
    let (signing_in, refreshing) = (SIGNING_IN_AT_ONCE, REFRESHING_AT_ONCE);
    println!(
        "{:<34} {:>7} {:>10} {:>8}",
        "closed loops, on the one core", "at once", "per s", "p95 ms"
    );
    let row = |what: &str, at_once: usize, pace: &Pace| {
        println!("{what:<34} {at_once:>7} {:>10.1} {:>8.1}", pace.per_s, pace.p95_ms);
    };
    row("ours: sign-in", signing_in, &sign_ins.pace);
    row("ours: refresh", refreshing, refreshes);
    row("ours: token verification", VERIFYING_AT_ONCE, verifications);
    let Others { oidc_provider, better_auth, bare_per_s } = match &findings.others {
        Ok(others) => others,
        Err(why) => {
            println!("\nNobody else was measured beside it: {why}");
            return String::new();
        }
    };
    row("oidc-provider: password grant", signing_in, &oidc_provider.sign_ins);
    row("oidc-provider: refresh, rotated", refreshing, &oidc_provider.refreshes);
    row("oidc-provider: introspection", VERIFYING_AT_ONCE, &oidc_provider.introspections);
    row("better-auth: sign-in", signing_in, &better_auth.sign_ins);
    row("better-auth: session look-up", VERIFYING_AT_ONCE, &better_auth.look_ups);
    println!(
        "
What is not the same:
- ours and better-auth write to the same PostgreSQL; oidc-provider has everything in memory and
  forgets it when it ends
- ours counts each attempt before it compares, so a sign-in is two transactions; theirs count none
- oidc-provider's way to sign in is a page and redirects: the grant was added for this, one request
  as ours; its access tokens are opaque, so introspection is a look-up in memory, while ours checks
  a signature and the revocations; each sign-in and refresh is one RS256 signature there as here
- better-auth has no refresh tokens, and a session look-up there reads PostgreSQL each time
- theirs hash with @node-rs/argon2, m=19456 t=2 p=1 as ours: bare, on the same core, \
         {bare_per_s:.1} per second"
    );
    let ratio = |ours: &Pace, theirs: &Pace| ours.per_s / theirs.per_s;
    format!(
        " refresh_vs_oidc_provider={:.2} introspect_vs_oidc_provider={:.2} \
         login_vs_oidc_provider={:.2} login_vs_better_auth={:.2} session_vs_better_auth={:.2}",
        ratio(refreshes, &oidc_provider.refreshes),
        ratio(verifications, &oidc_provider.introspections),
        ratio(&sign_ins.pace, &oidc_provider.sign_ins),
        ratio(&sign_ins.pace, &better_auth.sign_ins),
        ratio(verifications, &better_auth.look_ups),
    )
}

fn share(part: usize, of: usize) -> f64 {
    f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(of).unwrap())
}

/// The 50th, 95th and 99th, in milliseconds; infinite if nothing went well.
pub fn percentiles(took: impl Iterator<Item = Duration>) -> [f64; 3] {
    let mut took: Vec<_> = took.collect();
    took.sort_unstable();
    [50, 95, 99].map(|part| {
        let at = (took.len() * part).div_ceil(100).saturating_sub(1);
        took.get(at).map_or(f64::INFINITY, |of| of.as_secs_f64() * 1e3)
    })
}
