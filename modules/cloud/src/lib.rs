//! clouder-cloud
