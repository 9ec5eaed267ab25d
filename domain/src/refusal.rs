//! How a domain error classifies itself, so that the layers above map kinds and never variants.

/// The kind of no. HTTP maps kinds to statuses; nothing else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The aggregate does not exist.
    Absent,
    /// The aggregate exists already, or a name it wants is taken.
    Taken,
    /// The command is not legal in this state.
    IllegalState,
    /// The caller has not proven who they are.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// What was handed in is used up, too old, or was never given out.
    Spent,
    /// A value breaks a rule that only the state can judge.
    Invalid,
    /// Enough for now; later again.
    TooOften,
}

/// Implemented by every aggregate's error.
pub trait Refusal: std::error::Error + Send + Sync + 'static {
    fn kind(&self) -> Kind;
    /// The public code, one of the table in the HTTP contract.
    fn code(&self) -> &'static str;
    /// For `IllegalState`: the state and the command, by name.
    fn state(&self) -> Option<(&'static str, &'static str)> {
        None
    }
}
