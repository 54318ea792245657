//! The agent as a controller sees it, over pipes.

use std::io::{BufReader, PipeReader, PipeWriter, Write as _, pipe};
use std::path::Path;
use std::thread::JoinHandle;

use serde_json::{Value, json};

use super::exchange::Outbox;
use super::serve_on;
use crate::Outcome;
use crate::protocol::{Compressor, Frame, GREETING, Kind, Packer, Request, Unpacker};
use crate::system::checksum::Algorithm;

/// An agent in a thread.
struct Agent {
    to: PipeWriter,
    from: BufReader<PipeReader>,
    packer: Packer,
    unpacker: Unpacker,
    thread: JoinHandle<()>,
}

impl Agent {
    fn start() -> Self {
        let (mut input, to) = pipe().unwrap();
        let (from, output) = pipe().unwrap();
        let thread = std::thread::spawn(move || serve_on(&mut input, Outbox::new(Box::new(output))).unwrap());
        let mut from = BufReader::new(from);
        let mut greeting = String::new();
        std::io::BufRead::read_line(&mut from, &mut greeting).unwrap();
        assert_eq!(greeting.trim(), GREETING);
        let (packer, unpacker) = (Packer::default(), Unpacker::default());
        let mut agent = Self { to, from, packer, unpacker, thread };
        assert_eq!(agent.next().kind, Kind::Hello);
        agent
    }

    fn send(&mut self, id: u32, kind: Kind, payload: impl Into<Vec<u8>>) {
        self.to.write_all(&Frame::new(id, kind, payload).to_bytes()).unwrap();
    }

    fn request(&mut self, id: u32, module: &str, arguments: Value, queue: Option<u32>) {
        let Value::Object(args) = arguments else { panic!("arguments are a mapping") };
        let request = Request { module: module.to_owned(), args, queue, ..Request::default() };
        let packed = self.packer.pack(&serde_json::to_vec(&request).unwrap());
        self.send(id, Kind::Request, packed);
    }

    fn next(&mut self) -> Frame {
        let mut frame = Frame::read(&mut self.from).unwrap().unwrap();
        if frame.kind.is_packed() {
            frame.payload = self.unpacker.unpack(&frame.payload).unwrap();
        }
        frame
    }

    fn outcome(&mut self) -> (u32, Outcome) {
        let frame = self.next();
        assert_eq!(frame.kind, Kind::Response, "{:?}", String::from_utf8_lossy(&frame.payload));
        (frame.id, serde_json::from_slice(&frame.payload).unwrap())
    }

    fn end(self) {
        drop(self.to);
        self.thread.join().unwrap();
    }
}

fn append(path: &Path, pause: &str, word: &str) -> Value {
    json!({"_raw_params": format!("sleep {pause}; echo {word} >>{}", path.display())})
}

#[test]
fn each_of_two_queues_keeps_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut agent = Agent::start();
    // The first of each takes longest: a later one that did not wait would overtake it.
    for (turn, pause) in ["0.3", "0.1", "0"].iter().enumerate() {
        for queue in [1, 2] {
            let id = u32::try_from(turn).unwrap() * 2 + queue;
            agent.request(id, "shell", append(&path, pause, &format!("{queue}-{turn}")), Some(queue));
        }
    }
    for _ in 0..6 {
        assert!(!agent.outcome().1.failed);
    }
    let log = std::fs::read_to_string(&path).unwrap();
    for queue in ["1-", "2-"] {
        let order: Vec<&str> = log.lines().filter_map(|line| line.strip_prefix(queue)).collect();
        assert_eq!(order, ["0", "1", "2"], "{log}");
    }
    // A queue that was done begins anew.
    agent.request(9, "ping", json!({}), Some(1));
    assert_eq!(agent.outcome().0, 9);
    agent.end();
}

fn file(path: &str, content: &[u8]) -> Value {
    json!({"path": path, "kind": "file", "sha256": Algorithm::Sha256.of_bytes(content), "size": content.len()})
}

#[test]
fn contents_of_a_folder_are_asked_for_together() {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = Agent::start();
    let tree = [file("one", b"1"), file("same", b"1"), file("two", b"22")];
    let arguments = json!({"src": "/x/", "dest": folder.path(), "_tree": tree, "_name": ""});
    agent.request(1, "copy", arguments.clone(), None);
    let need = agent.next();
    let asked = String::from_utf8(need.payload).unwrap();
    let hashes = [Algorithm::Sha256.of_bytes(b"1"), Algorithm::Sha256.of_bytes(b"22")];
    assert_eq!((need.kind, asked), (Kind::Need, hashes.join("\n")));
    for content in [&b"1"[..], b"22"] {
        agent.send(1, Kind::Chunk, Compressor::default().piece(content));
        agent.send(1, Kind::ChunkEnd, Vec::new());
    }
    let (_, outcome) = agent.outcome();
    assert!(outcome.changed && !outcome.failed, "{outcome:?}");
    assert_eq!(std::fs::read(folder.path().join("same")).unwrap(), b"1");
    // What is here is not asked for again.
    std::fs::remove_file(folder.path().join("two")).unwrap();
    agent.request(2, "copy", arguments, None);
    assert!(agent.outcome().1.changed);
    assert_eq!(std::fs::read(folder.path().join("two")).unwrap(), b"22");
    agent.end();
}

#[test]
fn a_content_that_is_not_what_was_asked_for_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dest = folder.path().join("file");
    let mut agent = Agent::start();
    let hash = Algorithm::Sha256.of_bytes(b"right");
    let arguments = json!({"src": "x", "dest": dest, "_sha256": hash, "_size": 5, "_name": "x"});
    agent.request(1, "copy", arguments.clone(), None);
    assert_eq!(agent.next().kind, Kind::Need);
    agent.send(1, Kind::Chunk, Compressor::default().piece(b"wrong"));
    agent.send(1, Kind::ChunkEnd, Vec::new());
    let (_, outcome) = agent.outcome();
    assert!(outcome.failed && outcome.msg.unwrap().contains("changed on the controller"));
    agent.request(2, "copy", arguments, None);
    assert_eq!(agent.next().kind, Kind::Need);
    agent.send(2, Kind::Missing, "it is gone");
    let (_, outcome) = agent.outcome();
    assert!(outcome.failed && outcome.msg.unwrap().contains("it is gone"));
    assert!(!dest.exists());
    agent.end();
}

#[test]
fn a_request_that_is_given_up_waits_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = Agent::start();
    let arguments = json!({"src": "/x/", "dest": folder.path(), "_tree": [file("one", b"1")], "_name": ""});
    agent.request(1, "copy", arguments, None);
    assert_eq!(agent.next().kind, Kind::Need);
    agent.send(1, Kind::Cancel, Vec::new());
    assert!(agent.outcome().1.failed);
    agent.request(2, "command", json!({"_raw_params": "sleep 60"}), None);
    agent.send(2, Kind::Cancel, Vec::new());
    assert!(agent.outcome().1.failed);
    // More than may wait: what nobody waits for holds up nothing.
    for _ in 0..50 {
        agent.send(1, Kind::Chunk, Compressor::default().piece(b"1"));
    }
    agent.request(3, "ping", json!({}), None);
    assert_eq!(agent.outcome().0, 3);
    agent.end();
}

#[test]
fn the_end_of_input_ends_what_runs() {
    let started = std::time::Instant::now();
    let mut agent = Agent::start();
    for id in 1..4 {
        agent.request(id, "command", json!({"_raw_params": "sleep 60"}), Some(1));
    }
    agent.end();
    assert!(started.elapsed().as_secs() < 30);
}
