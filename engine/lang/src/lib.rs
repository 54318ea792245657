//! clouder-lang
