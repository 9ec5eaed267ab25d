//! Where the worker knocks: HTTP in and out, and connections that end as told.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::Between;
use super::answers::Reply;

pub struct Door {
    port: u16,
    serving: Option<JoinHandle<Infallible>>,
}

/// Tells hyper to end a connection without an answer.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the connection is cut")
    }
}

impl std::error::Error for Cut {}

impl Door {
    pub async fn open(between: Arc<Between>) -> Self {
        let listener = listener(&between).await;
        let port = listener.local_addr().unwrap().port();
        Self { port, serving: Some(tokio::spawn(serve(listener, between))) }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub async fn close(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            let _ = serving.await;
        }
    }

    pub async fn open_again(&mut self, between: Arc<Between>) {
        self.close().await;
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.serving = Some(tokio::spawn(serve(listener, between)));
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// Below the range from which connections get their own ports: a closed door's port would else be
/// given to whoever tries to reach it.
async fn listener(between: &Between) -> TcpListener {
    loop {
        let port = 20_000 + u16::try_from(between.chance.one_of("port", 12_000)).unwrap();
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return listener;
        }
    }
}

async fn serve(listener: TcpListener, between: Arc<Between>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(converse(stream, Arc::clone(&between)));
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, between: Arc<Between>) {
    let service = service_fn(|request| answer(request, Arc::clone(&between)));
    // A connection that was cut is no fault of ours.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    between: Arc<Between>,
) -> Result<Response<Full<Bytes>>, Cut> {
    let asked = request.into_body().collect().await.map_err(|_| Cut)?.to_bytes();
    if *between.away.borrow() {
        // Whoever still waits when it is back has asked somebody who was not there.
        let _ = between.away.subscribe().wait_for(|away| !away).await;
        return Err(Cut);
    }
    // A task of its own: what the node is to hear of, it hears of, whoever waits for it.
    match tokio::spawn(async move { between.take(&asked).await }).await {
        Ok(Reply::Said(answer)) => Ok(response(200, answer.to_string())),
        Ok(Reply::Status(status)) => Ok(response(status, String::new())),
        Ok(Reply::Cut) | Err(_) => Err(Cut),
    }
}

fn response(status: u16, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status.try_into().unwrap();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
