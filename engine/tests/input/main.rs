//! Bad input: each a clear error, the right exit code, bounded memory and time; other hosts go on.
//!
//! What is text and small is a case of `check` or `play`; here is what must be made: binary, unreadable, endless or large
//! files.

mod data;
mod playbooks;
mod project;
mod templates;
