//! How much of everything: what is loaded, what arrives, how long it is measured.

use std::time::Duration;

pub const TENANTS: usize = 100;
/// All of them, unless a quicker look is asked for.
pub fn users() -> usize {
    let fewer = std::env::var("CASKCHAIN_BENCH_USERS").ok();
    fewer.map_or(100_000, |fewer| fewer.parse().unwrap())
}
/// Those who sign in, among the users. As many as need not refresh more often than every 4 seconds.
pub const PEOPLE: usize = 400;
/// How many are written at once: enough for the appender to put many into each transaction.
pub const WRITERS: usize = 256;
pub const PASSWORD: &str = "Peat&Smoke1994";

pub const SIGN_INS_PER_S: usize = 10;
pub const REFRESHES_PER_S: usize = 100;
pub const READS_PER_S: usize = 890;
/// Arrivals before the measured ones.
pub const WARM_UP: Duration = Duration::from_secs(3);
pub const SPAN: Duration = Duration::from_secs(20);
/// Connections to each listener; together the 200 the goal allows.
pub const PUBLIC_CONNECTIONS: usize = 140;
pub const INTERNAL_CONNECTIONS: usize = 60;
/// Of the API process. The platform's default.
pub const DATABASE_CONNECTIONS: u32 = 24;

/// Below what may wait for one hashing thread, so that nobody is turned away.
pub const SIGNING_IN_AT_ONCE: usize = 8;
pub const REFRESHING_AT_ONCE: usize = 32;
pub const VERIFYING_AT_ONCE: usize = 32;
/// How long a closed loop runs before it is measured: some programs are compiled as they run.
pub const LOOP_WARM_UP: Duration = Duration::from_secs(2);
/// How long it is measured.
pub const LOOP: Duration = Duration::from_secs(6);
/// How long bare hashes are made, before and after the sign-ins.
pub const BARE: Duration = Duration::from_secs(4);
pub const SIGN_OUTS: usize = 40;
/// Sign-outs are spread over so much: no process looks at the log less often.
pub const INTERVAL: Duration = Duration::from_millis(500);
/// After this a waiting step has failed.
pub const PATIENCE: Duration = Duration::from_secs(600);
