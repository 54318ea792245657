//! A server whose state is on another machine: it passes every request on, in the name of whoever sent it.

use std::time::Duration;

use super::answer::Refusal;
use super::authentication::User;
use crate::client::Client;
use crate::http::{Request, Response};
use crate::kubeconfig::{Credentials, Kubeconfig};
use crate::pki::Pair;

/// How long the other server may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way to the server beside the state.
#[derive(Debug)]
pub(crate) struct Forward {
    client: Client,
    anonymous: Client,
}

impl Forward {
    /// The way to the API server on the machine of this etcd.
    pub(crate) fn new(etcd: &str, port: u16, authority: &str, client: Pair) -> Self {
        let host = etcd.trim_start_matches("https://").rsplit_once(':').map_or(etcd, |(host, _)| host);
        let config = |credentials| Kubeconfig {
            server: format!("https://{host}:{port}"),
            authority: Some(authority.to_owned()),
            credentials,
        };
        Self {
            client: Client::new(config(Credentials::Certificate(client)), PATIENCE),
            anonymous: Client::new(config(Credentials::Anonymous), PATIENCE),
        }
    }

    /// Passes a request on.
    pub(crate) fn pass(&self, request: &Request, user: &User) -> Response {
        let mut passed = Request { headers: Vec::new(), ..request.clone() };
        for name in ["content-type", "authorization"] {
            if let Some(value) = request.header(name) {
                passed.headers.push((name.to_owned(), value.to_owned()));
            }
        }
        let nobody = user.name == "system:anonymous";
        if !nobody {
            passed.headers.push(("impersonate-user".to_owned(), user.name.clone()));
            passed
                .headers
                .extend(user.groups.iter().map(|group| ("impersonate-group".to_owned(), group.clone())));
        }
        let client = if nobody { &self.anonymous } else { &self.client };
        client.send(passed).unwrap_or_else(|failure| {
            Refusal::internal(format!("etcdserver: request timed out: {failure}")).response()
        })
    }
}
