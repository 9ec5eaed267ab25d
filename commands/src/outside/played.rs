//! A server that answers as it was recorded, and keeps what it was asked. For tests.

use std::collections::HashMap;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request as it came.
pub struct Seen {
    pub line: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

/// Listens for as many requests as there are answers, one after the other.
pub async fn play(answers: Vec<String>) -> (String, JoinHandle<Vec<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let playing = async move {
        let mut seen = Vec::new();
        for answer in answers {
            let mut stream = BufReader::new(listener.accept().await.unwrap().0);
            seen.push(read(&mut stream).await);
            // Whoever has read enough may have gone.
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        seen
    };
    (url, tokio::spawn(playing))
}

async fn read(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Seen {
    let (mut line, mut headers) = (String::new(), HashMap::new());
    stream.read_line(&mut line).await.unwrap();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.unwrap();
        let Some((name, value)) = header.trim().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    Seen { line: line.trim().to_owned(), headers, body }
}

/// An answer as it is sent.
pub fn answer(status: u16, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} So\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
