//! The write side: use cases, reactions and the systems outside.
