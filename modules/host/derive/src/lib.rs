//! Derives for task module arguments.
