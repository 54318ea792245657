//! clouder-inventory
