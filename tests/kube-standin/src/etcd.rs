//! A client of etcd, through the JSON that it speaks besides gRPC.

use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};
use serde_json::{Value, json};

use crate::failure::{Context as _, Failure, Result, refuse};
use crate::http::{Request, Response};
use crate::kubeconfig::{Credentials, Kubeconfig};
use crate::pki::Pair;
use crate::tls;

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// Talks to one member.
#[derive(Debug)]
pub(crate) struct Etcd {
    place: Kubeconfig,
    timeout: Duration,
    /// Connections that nobody uses just now.
    idle: Mutex<Vec<Stream>>,
}

/// A member of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: String,
    /// Empty until it has started.
    pub(crate) name: String,
    pub(crate) peer: String,
    pub(crate) client: String,
    pub(crate) is_learner: bool,
}

impl Etcd {
    /// The member at `https://HOST:PORT`, asked with a client's certificate.
    pub(crate) fn new(server: &str, authority: &str, client: Pair, timeout: Duration) -> Self {
        let place = Kubeconfig {
            server: server.to_owned(),
            authority: Some(authority.to_owned()),
            credentials: Credentials::Certificate(client),
        };
        Self { place, timeout, idle: Mutex::default() }
    }

    /// The same for another member.
    pub(crate) fn at(&self, server: &str) -> Self {
        let place = Kubeconfig { server: server.to_owned(), ..self.place.clone() };
        Self { place, timeout: self.timeout, idle: Mutex::default() }
    }

    /// Asks one thing.
    ///
    /// # Errors
    /// What etcd answers instead, or that it does not.
    pub(crate) fn ask(&self, path: &str, body: &Value) -> Result<Value> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(stream) = idle
            && let Ok(answer) = self.exchange(stream, path, body)
        {
            return told(&answer);
        }
        // One that was idle may have been closed meanwhile.
        let answer = tls::connect(&self.place, self.timeout)
            .and_then(|stream| self.exchange(stream, path, body))
            .doing(format_args!("etcd at {}", self.place.server))?;
        told(&answer)
    }

    fn exchange(&self, mut stream: Stream, path: &str, body: &Value) -> Result<Response> {
        let headers =
            [("host", self.place.server.trim_start_matches("https://")), ("connection", "keep-alive")];
        let request = Request {
            method: "POST".to_owned(),
            target: path.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            body: body.to_string().into_bytes(),
        };
        request.write(&mut stream)?;
        let answer = Response::read(&mut stream)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
        Ok(answer)
    }

    /// All members, as the cluster has agreed on them.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub(crate) fn members(&self) -> Result<Vec<Member>> {
        let answer = self.ask("/v3/cluster/member/list", &json!({"linearizable": true}))?;
        Ok(answer["members"].as_array().into_iter().flatten().map(member).collect())
    }

    /// Adds a member that has no vote yet; returns all there are.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub(crate) fn add_learner(&self, peer: &str) -> Result<Vec<Member>> {
        let answer = self.ask("/v3/cluster/member/add", &json!({"peerURLs": [peer], "isLearner": true}))?;
        Ok(answer["members"].as_array().into_iter().flatten().map(member).collect())
    }

    /// Gives a learner its vote.
    ///
    /// # Errors
    /// As long as it has not caught up.
    pub(crate) fn promote(&self, id: &str) -> Result<()> {
        self.ask("/v3/cluster/member/promote", &json!({"ID": id})).map(drop)
    }

    /// Removes a member.
    ///
    /// # Errors
    /// When the cluster refuses, such as when too few would be left.
    pub(crate) fn remove(&self, id: &str) -> Result<()> {
        self.ask("/v3/cluster/member/remove", &json!({"ID": id})).map(drop)
    }

    /// Whether the member itself answers.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn status(&self) -> Result<()> {
        self.ask("/v3/maintenance/status", &json!({})).map(drop)
    }
}

fn told(answer: &Response) -> Result<Value> {
    let value: Value = serde_json::from_slice(&answer.body).doing("etcd")?;
    if answer.status == 200 {
        return Ok(value);
    }
    match value["message"].as_str().or(value["error"].as_str()) {
        Some(message) => refuse!("{message}"),
        None => Err(Failure::new(format!("etcd answers {}", answer.status))),
    }
}

fn member(value: &Value) -> Member {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Member {
        id: text(&value["ID"]),
        name: text(&value["name"]),
        peer: text(&value["peerURLs"][0]),
        client: text(&value["clientURLs"][0]),
        is_learner: value["isLearner"] == true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let refused = Response::new(
            503,
            "application/json",
            r#"{"error":"e","code":14,"message":"etcdserver: request timed out"}"#,
        );
        assert_eq!(told(&refused).unwrap_err().message, "etcdserver: request timed out");
        let found = member(
            &json!({"ID": "16", "name": "cp-1", "peerURLs": ["https://a:2380"], "clientURLs": ["https://a:2379"]}),
        );
        assert_eq!(
            (found.id.as_str(), found.peer.as_str(), found.is_learner),
            ("16", "https://a:2380", false)
        );
        assert_eq!(member(&json!({"ID": "16", "peerURLs": ["https://a:2380"], "isLearner": true})).name, "");
    }
}
