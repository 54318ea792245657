//! The server: connections, what every response carries, and the log.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::cloud::Cloud;
use crate::compute::console;
use crate::failure::Failure;
use crate::http::{Request, Response};
use crate::operation::timestamp;
use crate::{arm, random, token};

/// A cloud that is served.
#[derive(Debug)]
pub struct Server {
    /// Where it is reached, such as `http://127.0.0.1:4000`.
    pub origin: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    cloud: Mutex<Cloud>,
    log: Option<Mutex<File>>,
    origin: String,
    tls: Option<Arc<ServerConfig>>,
}

impl Server {
    /// Serves a cloud at an address of this machine, with a log of requests if one is wanted.
    ///
    /// # Errors
    /// When the address cannot be listened on, or the log cannot be written.
    pub fn start(
        cloud: Cloud,
        address: SocketAddr,
        log: Option<&Path>,
        tls: Option<Arc<ServerConfig>>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let origin = format!("{scheme}://{}", listener.local_addr()?);
        let log = log.map(|path| File::options().create(true).append(true).open(path)).transpose()?;
        let shared = Arc::new(Shared {
            cloud: Mutex::new(cloud),
            log: log.map(Mutex::new),
            origin: origin.clone(),
            tls,
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || shared.converse(stream));
            }
        });
        Ok(Self { origin, shared })
    }

    /// The cloud itself.
    pub fn cloud(&self) -> MutexGuard<'_, Cloud> {
        self.shared.cloud.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Answers all requests of a connection; what breaks off was the client's to break off.
    fn converse(&self, stream: TcpStream) {
        let told = stream.set_nodelay(true).and_then(|()| match &self.tls {
            None => self.exchange(stream),
            Some(config) => {
                let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                self.exchange(StreamOwned::new(connection, stream))
            }
        });
        drop(told);
    }

    fn exchange(&self, mut stream: impl Read + Write) -> io::Result<()> {
        let mut held = Vec::new();
        while let Some(request) = Request::read(&mut stream, &mut held)? {
            let response = self.answer(&request);
            response.write(&mut stream, request.method != "HEAD")?;
            if request.is_last() {
                break;
            }
        }
        Ok(())
    }

    fn answer(&self, request: &Request) -> Response {
        let mut cloud = self.cloud.lock().unwrap_or_else(PoisonError::into_inner);
        cloud.settle();
        cloud.begun = None;
        let response =
            respond(&mut cloud, request, &self.origin).unwrap_or_else(|failure| failure.response());
        let operation = cloud.begun.take();
        cloud.course = Default::default();
        drop(cloud);
        self.note(request, response.status, operation);
        let correlation =
            request.header("x-ms-correlation-request-id").map_or_else(random::uuid, str::to_owned);
        let id = random::uuid();
        let response = match request.header("x-ms-client-request-id") {
            Some(client) => response.with("x-ms-client-request-id", client),
            None => response,
        };
        response
            .with("x-ms-request-id", id.clone())
            .with("x-ms-correlation-request-id", correlation)
            .with("x-ms-routing-request-id", format!("SIMULATOR:{}:{id}", timestamp(SystemTime::now())))
            .with("x-ms-ratelimit-remaining-subscription-reads", "11999")
            .with("cache-control", "no-cache")
    }

    /// One line of JSON per request. It never holds a query but for the api-version, a header or a body.
    fn note(&self, request: &Request, status: u16, operation: Option<String>) {
        let Some(log) = &self.log else { return };
        let mut line = json!({
            "time": timestamp(SystemTime::now()), "method": request.method, "path": request.path(),
            "api-version": request.parameter("api-version"), "status": status,
        });
        if let Some(operation) = operation {
            line["operation"] = json!(operation);
        }
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        // At once: who empties the log meanwhile finds no half of a line. A log that cannot be written is seen by whoever reads it.
        drop(log.write_all(format!("{line}\n").as_bytes()));
    }
}

fn respond(cloud: &mut Cloud, request: &Request, origin: &str) -> Result<Response, Failure> {
    let mut course = cloud.scenario.meet(&request.method, request.path())?;
    let lost = course.answer.take();
    cloud.course = course;
    let answer = done(cloud, request, origin);
    lost.map_or(answer, Err)
}

fn done(cloud: &mut Cloud, request: &Request, origin: &str) -> Result<Response, Failure> {
    if let Some(response) = token::answer(cloud, request, origin) {
        return Ok(response);
    }
    if let Some(response) = console::answer(cloud, request) {
        return Ok(response);
    }
    token::check(cloud, request)?;
    arm::answer(cloud, request, origin)
}
