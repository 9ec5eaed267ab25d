//! Chooses free ports on the loopback address.

use std::net::{Ipv4Addr, TcpListener};

use crate::EmbeddedError;

/// Below the range from which Linux and macOS take the ports of outgoing connections: a client
/// that keeps trying to reach a stopped server would otherwise, sooner or later, be given the
/// server's own port and connect to itself, and the server could not start again.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port nobody listens on at this moment. Chosen at random, so that processes that choose at
/// the same time seldom agree; who loses the race is started again on another one.
pub(crate) fn free() -> Result<u16, EmbeddedError> {
    for _ in 0..200 {
        let random = getrandom::u32().map_err(|error| {
            EmbeddedError::io("get random bytes")(std::io::Error::other(error.to_string()))
        })?;
        // The remainder is below COUNT and so fits.
        let port = FIRST + (random % u32::from(COUNT)) as u16;
        if is_free(port) {
            return Ok(port);
        }
    }
    Err(EmbeddedError::io("find a free port")(std::io::ErrorKind::AddrInUse.into()))
}

pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
