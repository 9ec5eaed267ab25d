//! Where a request comes from: the socket's address, unless a proxy of ours stands there.

use std::net::IpAddr;

use ipnet::IpNet;
use poem::Request;

/// Proxies whose word counts. Everybody else may write into headers what they like.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(pub Vec<IpNet>);

impl TrustedProxies {
    /// The client's address. `X-Forwarded-For` is read from the right, past proxies of ours: the
    /// first address that is none of them was seen by one of them.
    pub fn client_of(&self, request: &Request) -> Option<IpAddr> {
        let socket = request.remote_addr().as_socket_addr()?.ip();
        let forwarded = request.headers().get_all("x-forwarded-for").iter();
        // By bytes: what a client wrote before must not make our proxy's part unreadable.
        let hops = forwarded.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let forwarded: Vec<&str> =
            hops.map(|hop| std::str::from_utf8(hop).unwrap_or_default()).collect();
        Some(self.behind(socket, &forwarded))
    }

    fn behind(&self, socket: IpAddr, forwarded: &[&str]) -> IpAddr {
        let mut nearest = socket;
        for hop in forwarded.iter().rev() {
            if !self.contain(nearest) {
                break;
            }
            // What is no address was not written by a proxy of ours.
            let Ok(address) = hop.trim().parse() else { break };
            nearest = address;
        }
        nearest
    }

    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_proxies_are_believed() {
        let proxies = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        let behind = |socket: &str, forwarded: &[&str]| {
            proxies.behind(socket.parse().unwrap(), forwarded).to_string()
        };
        assert_eq!(behind("203.0.113.7", &["1.2.3.4"]), "203.0.113.7");
        assert_eq!(behind("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(behind("10.0.0.1", &["1.2.3.4", " 203.0.113.7"]), "203.0.113.7");
        assert_eq!(behind("10.0.0.1", &["1.2.3.4", "203.0.113.7", "10.9.9.9"]), "203.0.113.7");
        assert_eq!(behind("10.0.0.1", &["1.2.3.4", "nonsense"]), "10.0.0.1");
        assert_eq!(
            TrustedProxies::default().behind("10.0.0.1".parse().unwrap(), &["1.2.3.4"]).to_string(),
            "10.0.0.1"
        );
    }
}
