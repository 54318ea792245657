//! clouder-modules
