//! A web server for the repository's files.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::failure::{Context as _, Result};
use crate::http::{Request, Response};

/// A running server. It ends with the process.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    thread: JoinHandle<()>,
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for ever.
    pub fn wait(self) {
        let _ = self.thread.join();
    }
}

/// Serves the files of a folder at this address; port 0 takes any that is free.
///
/// # Errors
/// When the address cannot be listened at.
pub fn serve(folder: &Path, address: &str) -> Result<Server> {
    let listener = TcpListener::bind(address).doing(format_args!("cannot listen at {address}"))?;
    let address = listener.local_addr().doing("the server's address")?;
    let folder = folder.to_owned();
    let thread = std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let folder = folder.clone();
            std::thread::spawn(move || answer(stream, &folder));
        }
    });
    Ok(Server { address, thread })
}

fn answer(mut stream: TcpStream, folder: &Path) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    let Ok(Some(request)) = Request::read(&mut stream) else { return };
    let response = match file(folder, request.path()).and_then(|path| std::fs::read(path).ok()) {
        Some(content) => Response::new(200, "application/octet-stream", content),
        None => Response::new(404, "text/plain", "not found\n"),
    };
    let _ = response.write(&mut stream, request.method != "HEAD");
}

/// The file that a path names: inside the folder, and not hidden.
fn file(folder: &Path, path: &str) -> Option<PathBuf> {
    let decoded = path.replace("%3A", ":").replace("%3a", ":").replace("%2b", "+").replace("%7e", "~");
    let mut file = folder.to_owned();
    for part in decoded.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part.starts_with('.') {
            return None;
        }
        file.push(part);
    }
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leaves_the_folder() {
        let folder = Path::new("/srv");
        assert_eq!(
            file(folder, "/core%3a/stable:/v1.34/deb/./Packages"),
            Some("/srv/core:/stable:/v1.34/deb/Packages".into())
        );
        assert_eq!(file(folder, "/../etc/passwd"), None);
        assert_eq!(file(folder, "/.keys/x"), None);
    }
}
