//! gRPC over HTTP/2 and TLS, as far as one service without streams needs it. Only clients whose certificate is known are heard.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{RecvStream, server};
use http::{HeaderMap, HeaderValue, Request, Response};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::protocol::{Code, Refusal, SERVICE};

/// How large a request may be.
const LARGEST: usize = 4 << 20;
/// How long a client may take for what it has to say before and in a request.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a message is preceded by: whether it is packed, and its length.
const PREFIX: usize = 5;

/// What answers: a method's name and its message, for an answer's message.
pub(super) type Answer = Arc<dyn Fn(&str, &[u8]) -> Result<Vec<u8>, Refusal> + Send + Sync>;

/// Answers whoever connects, for ever.
pub(super) async fn serve(listener: TcpListener, config: Arc<ServerConfig>, answer: Answer) {
    let acceptor = TlsAcceptor::from(config);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (acceptor, answer) = (acceptor.clone(), Arc::clone(&answer));
                tokio::spawn(async move { connection(stream, acceptor, answer).await });
            }
            // Too many open files, perhaps: some will be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// One connection; whatever goes wrong with it ends it.
async fn connection(stream: TcpStream, acceptor: TlsAcceptor, answer: Answer) {
    let Ok(Ok(stream)) = timeout(PATIENCE, acceptor.accept(stream)).await else { return };
    let Ok(Ok(mut connection)) = timeout(PATIENCE, server::handshake(stream)).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let answer = Arc::clone(&answer);
        tokio::spawn(async move {
            // The client is gone if it fails.
            let _ = exchange(request, respond, answer).await;
        });
    }
}

async fn exchange(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    answer: Answer,
) -> Result<(), h2::Error> {
    let method = request.uri().path().strip_prefix(SERVICE).map(str::to_owned);
    let told = match timeout(PATIENCE, body(request.into_body())).await {
        Ok(body) => told(method, body?, answer).await,
        Err(_) => Err(Code::Unavailable.with("the request did not come to its end")),
    };
    let mut response = Response::new(());
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    match told {
        Ok(message) => {
            let mut stream = respond.send_response(response, false)?;
            let mut data = BytesMut::with_capacity(PREFIX + message.len());
            data.put_u8(0);
            data.put_u32(u32::try_from(message.len()).unwrap_or_default());
            data.put_slice(&message);
            stream.send_data(data.freeze(), false)?;
            stream.send_trailers(HeaderMap::from_iter(
                [("grpc-status".parse().ok(), "0".parse().ok())]
                    .into_iter()
                    .filter_map(|(name, value)| Some((name?, value?))),
            ))
        }
        Err(refusal) => {
            let headers = response.headers_mut();
            headers.insert("grpc-status", HeaderValue::from(refusal.code as u16));
            if let Ok(message) = HeaderValue::from_str(&escaped(&refusal.message)) {
                headers.insert("grpc-message", message);
            }
            respond.send_response(response, true).map(drop)
        }
    }
}

/// All that a client sends.
async fn body(mut stream: RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut whole = Vec::new();
    while let Some(part) = stream.data().await {
        let part = part?;
        stream.flow_control().release_capacity(part.len())?;
        if whole.len() + part.len() > LARGEST {
            return Err(h2::Reason::ENHANCE_YOUR_CALM.into());
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole)
}

async fn told(method: Option<String>, body: Vec<u8>, answer: Answer) -> Result<Vec<u8>, Refusal> {
    let Some(method) = method else { return Err(Code::Unimplemented.with("there is no such service")) };
    let message = message(&body)?.to_owned();
    // Azure may be asked for an answer.
    let told = tokio::task::spawn_blocking(move || answer(&method, &message)).await;
    told.unwrap_or_else(|error| Err(Code::Internal.with(error.to_string())))
}

/// The message of a body.
fn message(body: &[u8]) -> Result<&[u8], Refusal> {
    let wrong = || Code::Internal.with("the request is no message of gRPC");
    let (prefix, message) = body.split_first_chunk::<PREFIX>().ok_or_else(wrong)?;
    let [packed, length @ ..] = *prefix;
    if packed != 0 {
        return Err(Code::Unimplemented.with("messages must not be compressed"));
    }
    if usize::try_from(u32::from_be_bytes(length)) != Ok(message.len()) {
        return Err(wrong());
    }
    Ok(message)
}

/// A text as headers may carry it.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b' '..=b'~' if byte != b'%' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_out_of_their_envelope() {
        assert_eq!(message(&[0, 0, 0, 0, 2, 7, 8]), Ok(&[7, 8][..]));
        assert_eq!(message(&[1, 0, 0, 0, 0]).unwrap_err().code, Code::Unimplemented);
        for wrong in [&[][..], &[0, 0, 0, 0], &[0, 0, 0, 0, 3, 7, 8]] {
            assert_eq!(message(wrong).unwrap_err().code, Code::Internal);
        }
        assert_eq!(escaped("50% für\n"), "50%25 f%C3%BCr%0A");
    }
}
