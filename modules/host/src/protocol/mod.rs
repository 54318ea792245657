//! What the controller and the agent say to each other.
//!
//! Both ways go frames: the length of the payload (4 bytes, little endian), the number of the request it belongs to
//! (4 bytes), its kind (1 byte), the payload. Requests, results and greetings are JSON; requests and results are
//! packed, each building upon those before it; contents of files go in chunks, each compressed by
//! itself as long as that gains something. Before the first frame the agent writes [`GREETING`] as a line of its own, so that the controller
//! finds the beginning behind whatever a login shell had to say.

mod chunk;
mod frame;
mod message;
mod stream;

pub use chunk::{CHUNK, Compressor, decompress};
pub use frame::{Frame, FrameError, HEADER, Header, LIMIT};
pub use message::{Hello, Kind, Request};
pub use stream::{Packer, Unpacker};

/// The version of this protocol. Both ends come from one build: an agent is found by its hash, never by its version.
pub const VERSION: u32 = 2;

/// The line before the first frame.
pub const GREETING: &str = "CLOUDER-AGENT";
