//! The read side: one file a read model.
