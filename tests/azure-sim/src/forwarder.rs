//! The data path of a load balancer: a port that is forwarded to one of those behind it.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clouder_fleet::cloud::Cloud;

use crate::machine::Forwarding;

/// How long one behind it may take to accept a connection; the next one is tried then.
const PATIENCE: Duration = Duration::from_secs(2);

/// A forwarded port. It is given up when this is dropped.
#[derive(Debug)]
pub struct Forwarder {
    from: (String, u16),
    behind: Arc<Mutex<Vec<(String, u16)>>>,
    ended: Arc<AtomicBool>,
}

impl Forwarder {
    /// Takes an address on a network, which is made if it has a prefix, and forwards its port.
    #[must_use]
    pub fn start(cloud: Cloud, network: (String, Option<String>), port: Forwarding) -> Self {
        let behind = Arc::new(Mutex::new(port.to));
        let ended = Arc::new(AtomicBool::new(false));
        let forwarder =
            Self { from: port.from.clone(), behind: Arc::clone(&behind), ended: Arc::clone(&ended) };
        std::thread::spawn(move || {
            let (network, prefix) = network;
            let (address, port) = port.from;
            let ready = prefix.map_or(Ok(()), |prefix| cloud.network(&network, &prefix));
            let ready = ready.and_then(|()| cloud.own_address(&network, &address));
            // Without its address a load balancer does not answer, which is what clients see.
            if ready.is_ok()
                && let Ok(listener) = TcpListener::bind((address.as_str(), port))
            {
                drop(listen(&listener, &behind, &ended));
            }
            drop(cloud.disown_address(&network, &address));
        });
        forwarder
    }

    /// Where it listens.
    #[must_use]
    pub fn from(&self) -> &(String, u16) {
        &self.from
    }

    /// Forwards to others from now on.
    pub fn change(&self, to: Vec<(String, u16)>) {
        *self.behind.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}

fn listen(listener: &TcpListener, behind: &Mutex<Vec<(String, u16)>>, ended: &AtomicBool) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let turn = AtomicUsize::new(0);
    while !ended.load(Ordering::SeqCst) {
        match listener.accept() {
            Ok((client, _)) => {
                let all = behind.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let first = turn.fetch_add(1, Ordering::Relaxed);
                std::thread::spawn(move || drop(forward(&client, &all, first)));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(30)),
        }
    }
    Ok(())
}

/// Forwards one connection to the first that accepts it, beginning with the one whose turn it is.
fn forward(client: &TcpStream, behind: &[(String, u16)], first: usize) -> io::Result<()> {
    client.set_nonblocking(false)?;
    let order = (0..behind.len()).filter_map(|step| behind.get((first + step) % behind.len()));
    let addresses = order.filter_map(|(address, port)| Some(SocketAddr::new(address.parse().ok()?, *port)));
    let mut accepted = addresses.filter_map(|address| TcpStream::connect_timeout(&address, PATIENCE).ok());
    let Some(server) = accepted.next() else { return client.shutdown(Shutdown::Both) };
    let (mut up_from, mut up_to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || drop(copy(&mut up_from, &mut up_to)));
    copy(&mut server.try_clone()?, &mut client.try_clone()?)
}

fn copy(from: &mut TcpStream, to: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 16 << 10];
    loop {
        match from.read(&mut buffer)? {
            0 => return to.shutdown(Shutdown::Write),
            count => to.write_all(buffer.get(..count).unwrap_or_default())?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_goes_to_one_that_answers() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let alive = ("127.0.0.1".to_owned(), server.local_addr().unwrap().port());
        let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).unwrap();
            stream.write_all(said.to_uppercase().as_bytes()).unwrap();
        });
        let front = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = front.local_addr().unwrap();
        let (behind, ended) =
            (Mutex::new(vec![("127.0.0.1".to_owned(), dead), alive]), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| listen(&front, &behind, &ended));
            let mut client = TcpStream::connect(address).unwrap();
            client.write_all(b"hello").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            ended.store(true, Ordering::SeqCst);
            assert_eq!(answer, "HELLO");
        });
    }
}
