//! What minting offers for gas right now: our own quote, asked of the network at most every few
//! seconds, however many want to know.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::chain::{Chain, ChainError, FeeStyle, Fees};

/// So long a quote is given again without asking.
const FRESH: Duration = Duration::from_secs(3);
/// So old it may be where the network does not answer.
const USABLE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub fees: Fees,
    /// No transaction offers more per gas.
    pub cap: u128,
    pub age: Duration,
}

impl Quote {
    /// What the network burns per gas. None where it has one price only.
    pub const fn base(&self) -> Option<u128> {
        match self.fees.style {
            FeeStyle::Dynamic => {
                Some((self.fees.max_fee_per_gas - self.fees.max_priority_fee_per_gas) / 2)
            }
            FeeStyle::Legacy => None,
        }
    }
}

/// The newest quote of one network.
#[derive(Default)]
pub struct GasPrice(Mutex<Option<(Instant, Fees)>>);

impl GasPrice {
    /// Who asks while somebody else is asking waits for that answer.
    pub async fn quote(&self, chain: &(impl Chain + ?Sized)) -> Result<Quote, ChainError> {
        let mut known = self.0.lock().await;
        let quoted =
            |(at, fees): (Instant, Fees)| Quote { fees, cap: chain.fee_cap(), age: at.elapsed() };
        if let Some(quote) = known.map(quoted).filter(|quote| quote.age < FRESH) {
            return Ok(quote);
        }
        match chain.fees().await {
            Ok(fees) => {
                let now = (Instant::now(), fees);
                *known = Some(now);
                Ok(quoted(now))
            }
            Err(error) => known.map(quoted).filter(|quote| quote.age < USABLE).ok_or(error),
        }
    }
}
