//! clouder
