//! A slow network in user space, for kernels that cannot delay packets: a proxy that holds back what it passes on.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::BenchError;

/// A proxy before one host. It runs until the process ends.
#[derive(Debug)]
pub(crate) struct Delay {
    port: u16,
}

impl Delay {
    /// Starts a proxy that takes this many milliseconds there and back together.
    pub(crate) fn start(target: &str, delay: u64) -> Result<Self, BenchError> {
        let wrong = |source| BenchError::Io { what: format!("cannot delay {target}"), source };
        let listener = TcpListener::bind("127.0.0.1:0").map_err(wrong)?;
        let port = listener.local_addr().map_err(wrong)?.port();
        let (target, half) = (target.to_owned(), Duration::from_micros(delay * 500));
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(&target) else { continue };
                let _ = (near.set_nodelay(true), far.set_nodelay(true));
                if let (Ok(near_again), Ok(far_again)) = (near.try_clone(), far.try_clone()) {
                    pass(near, far, half);
                    pass(far_again, near_again, half);
                }
            }
        });
        Ok(Self { port })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

type Piece = (Instant, Vec<u8>);

/// Passes everything on, each piece so much later than it came.
fn pass(mut from: TcpStream, to: TcpStream, delay: Duration) {
    let (sender, receiver): (Sender<Piece>, Receiver<Piece>) = channel();
    std::thread::spawn(move || write(&receiver, to));
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count) = from.read(&mut buffer) {
            let piece = buffer.get(..count).unwrap_or_default().to_vec();
            if count == 0 || sender.send((Instant::now() + delay, piece)).is_err() {
                break;
            }
        }
    });
}

fn write(receiver: &Receiver<Piece>, mut to: TcpStream) {
    let mut waiting: VecDeque<Piece> = VecDeque::new();
    while let Some((due, piece)) = waiting.pop_front().or_else(|| receiver.recv().ok()) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&piece).is_err() {
            break;
        }
        waiting.extend(receiver.try_iter());
    }
    let _ = to.shutdown(Shutdown::Write);
}
