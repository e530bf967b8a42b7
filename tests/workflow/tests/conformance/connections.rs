//! Calls that are made at once: one connection to each host, and hosts side by side.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use reqwest::Method;
use shared::Result;
use shared::http::{Answer, Client, Tls};
use shared::settings::Settings;

/// A server that counts its connections, and answers when everybody is at the barrier.
struct Host {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl Host {
    fn start(barrier: Arc<Barrier>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                let barrier = Arc::clone(&barrier);
                thread::spawn(move || answer(stream.unwrap(), &barrier));
            }
        });
        Self { url, connections }
    }
}

/// Answers the requests of a connection, which have no body, until it ends.
fn answer(stream: TcpStream, barrier: &Barrier) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut stream = stream;
    while let Some(Ok(line)) = lines.next() {
        if line.is_empty() {
            barrier.wait();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                .unwrap();
        }
    }
}

fn client() -> Client {
    let settings = Settings::from_lookup(|_| None).unwrap();
    Client::new(&Tls::new(&settings).unwrap(), "conformance").unwrap()
}

async fn call(client: &Client, url: &str) -> Result<Answer> {
    client.send(client.request(Method::GET, url), "the test's call").await
}

#[tokio::test]
async fn one_connection_to_a_host_serves_calls_that_are_made_at_once() {
    let host = Host::start(Arc::new(Barrier::new(1)));
    let (client, url) = (&client(), &host.url);
    let answers = tokio::join!(
        call(client, url),
        call(client, url),
        call(client, url),
        call(client, url),
        call(client, url),
        call(client, url),
    );
    for answer in <[_; 6]>::from(answers) {
        assert_eq!(answer.unwrap().body, b"{}");
    }
    assert_eq!(host.connections.load(Ordering::SeqCst), 1);
}

/// Neither host answers before the other one is asked, so that calls one after the other would end in a time-out.
#[tokio::test]
async fn hosts_are_asked_side_by_side() {
    let barrier = Arc::new(Barrier::new(2));
    let (one, other) = (Host::start(Arc::clone(&barrier)), Host::start(barrier));
    let client = &client();
    let (first, second) = tokio::join!(call(client, &one.url), call(client, &other.url));
    assert_eq!(
        (first.unwrap().body, second.unwrap().body),
        (b"{}".to_vec(), b"{}".to_vec())
    );
}
