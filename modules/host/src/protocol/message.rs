//! What frames hold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a frame is. Those below 64 go to the agent, the others to the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Run a module: [`Request`].
    Request = 1,
    /// A piece of a content that was asked for.
    Chunk = 2,
    /// The content is complete.
    ChunkEnd = 3,
    /// There is no such content: why, as text.
    Missing = 4,
    /// Give up a request.
    Cancel = 5,
    /// Who the agent is: [`Hello`].
    Hello = 64,
    /// A piece of output of a running command.
    Output = 65,
    /// Contents are needed: their SHA-256, a line each. They come one after the other; one that is missing is the last.
    Need = 66,
    /// A piece of a file for the controller.
    Give = 67,
    /// The result of a request: an `Outcome`.
    Response = 68,
}

impl Kind {
    /// Whether payloads of this kind are packed.
    pub fn is_packed(self) -> bool {
        matches!(self, Self::Request | Self::Response)
    }

    /// The kind of a byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Request,
            2 => Self::Chunk,
            3 => Self::ChunkEnd,
            4 => Self::Missing,
            5 => Self::Cancel,
            64 => Self::Hello,
            65 => Self::Output,
            66 => Self::Need,
            67 => Self::Give,
            68 => Self::Response,
            _ => return None,
        })
    }
}

/// Run a module. What is as usual is left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Request {
    /// Its name.
    pub module: String,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub args: Map<String, Value>,
    /// Only predict.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub check: bool,
    /// Tell differences.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub diff: bool,
    /// Variables for commands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Send output of commands while they run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
    /// Requests of one queue are done one after the other, in the order they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<u32>,
}

/// Who the agent is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol it speaks.
    pub protocol: u32,
    /// The number of the user it runs as.
    pub uid: u32,
    /// That user's home.
    pub home: String,
    /// Its process.
    pub pid: u32,
    /// Where it was started from.
    pub path: String,
}
