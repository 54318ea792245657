//! What the tools print.

use crate::failure::Result;

/// Prints a line.
#[expect(clippy::print_stdout, reason = "a tool talks to whoever calls it")]
pub fn say(text: &str) -> Result<()> {
    println!("{text}");
    Ok(())
}
