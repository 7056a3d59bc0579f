//! The HTTP around the messages: endpoints, headers, CORS, bodies (chapter 1, 1).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use support::http::{Connection, Response, once};
use support::websocket::UPGRADE;
use support::{Client, Colony, Poll, PrivateKey, Reply, Server, envelope, json, server_owner, wait};
use tempfile::TempDir;

fn assert_not_found(response: &Response, what: &str) {
    assert_eq!((response.status, response.text()), (404, "404 page not found"), "{what}");
    assert_eq!(response.header("content-type"), Some("text/plain"), "{what}");
}

#[test]
fn endpoints_answer_as_the_table_says() {
    let server = Server::start();
    let ask = |method: &str, path: &str| once(server.address(), method, path, &[], b"");
    let health = ask("GET", "/health");
    assert_eq!((health.status, health.text()), (200, ""));
    assert_eq!(health.header("content-type"), Some("text/plain; charset=utf-8"));
    let moved = ask("POST", "/api/");
    assert_eq!((moved.status, moved.header("location"), moved.text()), (307, Some("/api"), ""));
    let moved = ask("GET", "/health/");
    assert_eq!((moved.status, moved.header("location")), (301, Some("/health")));
    assert!(moved.header("content-type").unwrap().starts_with("text/html"), "{moved:?}");
    let no_upgrade = ask("GET", "/pubsub");
    assert_eq!((no_upgrade.status, no_upgrade.text()), (400, "Bad Request\n"));
    assert_eq!(no_upgrade.header("sec-websocket-version"), Some("13"));
    assert_eq!(no_upgrade.header("x-content-type-options"), Some("nosniff"));
    let others = [
        "GET /api",
        "PUT /api",
        "DELETE /api",
        "POST /health",
        "POST /pubsub",
        "GET /",
        "POST /",
        "POST /API",
        "GET /nothing",
        "OPTIONS /api",
        "PATCH /health",
        "POST /api/x",
    ];
    for other in others {
        let (method, path) = other.split_once(' ').unwrap();
        assert_not_found(&ask(method, path), other);
    }
    for path in ["/api", "/health"] {
        assert_eq!(ask("HEAD", path).status, 404, "HEAD {path}");
    }
    assert_eq!(once(server.address(), "GET", "/ready", &[], b"").status, 200);
}

#[test]
fn replies_are_text_and_say_nothing_of_the_server() {
    let server = Server::start();
    let body = envelope(&server_owner(), &json!({ "msgtype": "getcoloniesmsg" }));
    let post =
        |headers: &[&str], path: &str, body: &str| once(server.address(), "POST", path, headers, body.as_bytes());
    for content_type in ["text/plain", "application/json", "nonsense"] {
        let headers = [&*format!("Content-Type: {content_type}"), "Accept-Encoding: gzip, br"];
        for (path, body, status) in [("/api", &*body, 200), ("/api?x=1", &body, 200), ("/api", "{}", 403)] {
            let response = post(&headers, path, body);
            assert_eq!(response.status, status, "{response:?}");
            assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
            assert!(response.header("date").is_some());
            for absent in ["server", "content-encoding", "access-control-allow-origin"] {
                assert_eq!(response.header(absent), None);
            }
        }
    }
}

#[test]
fn browsers_from_elsewhere_may_read_everything() {
    let server = Server::start();
    let allowed = |headers: &[&str], method: &str, path: &str| {
        let response = once(server.address(), method, path, headers, b"");
        response.header("access-control-allow-origin").map(str::to_owned)
    };
    for origin in
        ["Origin: http://example.org", "Origin: null", "Origin: ", "Origin: nonsense", "Origin: http://server:1"]
    {
        for (method, path) in
            [("POST", "/api"), ("GET", "/health"), ("GET", "/nothing"), ("GET", "/pubsub"), ("POST", "/api/")]
        {
            assert_eq!(allowed(&[origin], method, path).as_deref(), Some("*"), "{origin} {method} {path}");
        }
        let headers: Vec<_> = UPGRADE.iter().copied().chain([origin]).collect();
        let mut connection = Connection::open(server.address()).unwrap();
        let handshake = {
            connection.request("GET", "/pubsub", &headers, b"").unwrap();
            connection.read().unwrap()
        };
        assert_eq!((handshake.status, handshake.header("access-control-allow-origin")), (101, Some("*")));
    }
    // The server's own pages need nothing.
    for origin in ["Origin: http://server", "Origin: https://server"] {
        assert_eq!(allowed(&[origin], "POST", "/api"), None);
    }
}

#[test]
fn preflights_are_answered_on_every_path() {
    let server = Server::start();
    for path in ["/api", "/health", "/nothing"] {
        let headers = ["Origin: http://example.org", "Access-Control-Request-Method: POST"];
        let response = once(server.address(), "OPTIONS", path, &headers, b"");
        assert_eq!((response.status, response.text()), (204, ""));
        let header = |name: &str| response.header(name).unwrap().to_owned();
        assert_eq!(header("access-control-allow-origin"), "*");
        assert_eq!(header("access-control-allow-methods"), "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS");
        assert_eq!(header("access-control-allow-headers"), "Origin,Content-Length,Content-Type");
        assert_eq!(header("access-control-max-age"), "43200");
        assert_eq!(response.header("access-control-allow-credentials"), None);
    }
}

#[test]
fn bodies_come_with_a_length_or_in_chunks() {
    let server = Server::start();
    let body = envelope(&server_owner(), &json!({ "msgtype": "getcoloniesmsg" }));
    let mut connection = Connection::open(server.address()).unwrap();
    connection.send("POST /api HTTP/1.1\r\nHost: server\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    for chunk in body.as_bytes().chunks(7) {
        connection.send(format!("{:x}\r\n", chunk.len())).unwrap();
        connection.send(chunk).unwrap();
        connection.send("\r\n").unwrap();
    }
    connection.send("0\r\n\r\n").unwrap();
    assert_eq!(connection.read().unwrap().status, 200);
    // The same connection serves on; two requests at once are answered in order.
    connection.request("GET", "/health", &[], b"").unwrap();
    connection.request("POST", "/api", &[], body.as_bytes()).unwrap();
    assert_eq!(connection.read().unwrap().text(), "");
    assert_eq!(Reply::read(&connection.read().unwrap()).payload_type, "getcoloniesmsg");
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    let server = Server::start();
    let body = envelope(&server_owner(), &json!({ "msgtype": "getcoloniesmsg" }));
    let mut connection = Connection::open(server.address()).unwrap();
    let head =
        format!("POST /api HTTP/1.1\r\nHost: server\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n", body.len());
    connection.send(head).unwrap();
    assert_eq!(connection.read().unwrap().status, 100);
    connection.send(body).unwrap();
    assert_eq!(connection.read().unwrap().status, 200);
}

#[test]
fn old_http_is_served() {
    let server = Server::start();
    let mut connection = Connection::open(server.address()).unwrap();
    connection.send("GET /health HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(connection.read().unwrap().status, 200);
    // Without keep-alive the connection ends.
    assert!(connection.read_to_end().unwrap().is_empty());
}

#[test]
fn a_body_over_the_limit_is_refused_in_an_envelope() {
    let server = Server::start_with(&["--max-body", "2000"]);
    let text = "the request's body is larger than 2000 bytes";
    let response = once(server.address(), "POST", "/api", &[], &[b'x'; 2001]);
    assert_eq!(Reply::read(&response).refused(413), text);
    assert_eq!(response.header("connection"), Some("close"));
    // Announced only: it is refused without being sent.
    let mut connection = Connection::open(server.address()).unwrap();
    connection.send("POST /api HTTP/1.1\r\nHost: server\r\nContent-Length: 99999999999\r\n\r\n").unwrap();
    assert_eq!(Reply::read(&connection.read().unwrap()).refused(413), text);
    // In chunks: it is refused when it has become too large.
    let mut connection = Connection::open(server.address()).unwrap();
    connection.send("POST /api HTTP/1.1\r\nHost: server\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    for _ in 0..3 {
        connection.send(format!("320\r\n{}\r\n", "x".repeat(800))).unwrap();
    }
    assert_eq!(Reply::read(&connection.read().unwrap()).refused(413), text);
    let response = once(server.address(), "POST", "/api", &[], &[b'x'; 2000]);
    assert_eq!(response.status, 400, "a body of just the limit is read");
}

#[test]
fn bodies_in_flight_share_their_memory() {
    const LARGE: usize = 600_000;
    let server = Server::start_with(&["--max-body", "600000", "--max-body-memory", "700000"]);
    let upload = || {
        let mut connection = Connection::open(server.address()).unwrap();
        let head = format!("POST /api HTTP/1.1\r\nHost: server\r\nContent-Length: {LARGE}\r\n\r\n");
        connection.send(head).unwrap();
        connection.send(vec![b'x'; LARGE - 1]).unwrap();
        Poll { connection }
    };
    let other = vec![b'x'; LARGE / 2];
    let status = || once(server.address(), "POST", "/api", &[], &other).status;
    let fill = || {
        let mut body = upload();
        wait::until_true("a body to take the memory", || {
            // It may have met the body that looks for it, and be the one that was refused.
            if body.is_answered() {
                body = upload();
            }
            (0..3).all(|_| status() == 503)
        });
        body.connection
    };
    let mut first = fill();
    let response = once(server.address(), "POST", "/api", &[], &other);
    let reply = Reply::read(&response);
    assert!(reply.refused(503).starts_with("the bodies of the requests under way"), "{reply:?}");
    assert_eq!(response.header("connection"), Some("close"));
    // The ordinary work goes on, and so does the body that has its room.
    Colony::new(&server).submit_any();
    first.send("x").unwrap();
    assert_eq!(first.read().unwrap().status, 400);
    wait::until_true("its memory to be free", || status() == 400);
    // So is that of a client that went away in the middle.
    drop(fill());
    wait::until_true("the memory of the client that left to be free", || status() == 400);
    let ended = Server::try_start(Arc::new(TempDir::new().unwrap()), &["--max-body-memory", "1000"]).unwrap_err();
    assert!(ended.status.code() == Some(1) && ended.log.contains("--max-body-memory"), "{}", ended.log);
}

#[test]
fn a_large_process_comes_back_whole() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let text = "å<&>\u{2028}".repeat(100_000);
    let id = colony.submit(json!({ "args": [text] }), json!({}));
    assert_eq!(colony.process(&id)["spec"]["args"], json!([text]));
}

fn refusal(address: SocketAddr, body: &str) -> (u16, String) {
    let reply = Reply::read(&Client::new(address).post(body.as_bytes()).unwrap());
    assert_eq!(reply.payload["status"], reply.status);
    (reply.status, reply.refused(reply.status).to_owned())
}

#[test]
fn envelopes_that_cannot_be_read_are_refused() {
    let server = Server::start();
    let ask = |body: &str| refusal(server.address(), body);
    for body in ["", " \n", "{", "{\"payloadtype\":\"versionmsg\"", "{\"payload\""] {
        assert_eq!(ask(body), (400, "unexpected end of JSON input".to_owned()), "{body:?}");
    }
    for body in
        ["[", "[]", "1", "\"x\"", "null", "{}x", "{\"payloadtype\":1}", "{\"signature\":[]}", "\u{feff}{}", "{b}"]
    {
        assert_eq!(ask(body).0, 400, "{body:?}");
    }
    assert_eq!(ask("{}"), (403, "Invalid signature length".to_owned()));
}

#[test]
fn signatures_that_prove_nothing_are_refused() {
    let server = Server::start();
    let key = PrivateKey::generate();
    let good: support::Value = serde_json::from_str(&envelope(&key, &json!({ "msgtype": "getcoloniesmsg" }))).unwrap();
    let with = |signature: &str| {
        let mut envelope = good.clone();
        envelope["signature"] = signature.into();
        refusal(server.address(), &envelope.to_string())
    };
    let signature = good["signature"].as_str().unwrap();
    assert_eq!(with(signature), (403, "Access denied, not server owner".to_owned()));
    assert_eq!(with(&signature[2..]), (403, "Invalid signature length".to_owned()));
    assert_eq!(with(&format!("{signature}00")), (403, "Invalid signature length".to_owned()));
    assert_eq!(with(&signature[1..]), (403, "encoding/hex: odd length hex string".to_owned()));
    assert_eq!(with(&format!("0x{}", &signature[2..])), (403, "encoding/hex: invalid byte: U+0078 'x'".to_owned()));
    assert_eq!(with(&format!("{}1b", &signature[..128])).0, 403);
    // Case does not matter, and a replay is as good as the first time.
    assert_eq!(with(&signature.to_uppercase()), with(signature));
    let mut unknown = good.clone();
    unknown["payloadtype"] = "foo".into();
    assert_eq!(refusal(server.address(), &unknown.to_string()), (403, "invalid rpcMsg.PayloadType: foo".to_owned()));
    unknown["payloadtype"] = "".into();
    assert!(
        refusal(server.address(), &unknown.to_string()).1.starts_with("invalid rpcMsg.PayloadType: empty (this usu")
    );
    unknown["signature"] = "".into();
    assert_eq!(refusal(server.address(), &unknown.to_string()).1, "Invalid signature length");
    for subscription in ["subscribeprocessmsg", "subscribeprocessesmsg", "subscribechannelmsg"] {
        let body = envelope(&key, &json!({ "msgtype": subscription }));
        let expected = format!("invalid rpcMsg.PayloadType: {subscription}");
        assert_eq!(refusal(server.address(), &body), (403, expected));
    }
}

#[test]
fn keys_of_envelopes_match_without_regard_to_case_and_the_last_one_counts() {
    let server = Server::start();
    let body = envelope(&server_owner(), &json!({ "msgtype": "getcoloniesmsg" }));
    let loud = body.replace("\"payloadtype\"", "\"PayloadType\"").replace("\"signature\"", "\"SIGNATURE\"");
    let twice = body.replacen('{', "{\"payload\":\"x\",\"more\":{\"a\":[1]},\"payloadtype\":null,", 1);
    for body in [loud, twice, format!(" \r\n{body}\t")] {
        let response = Client::new(server.address()).post(body.as_bytes()).unwrap();
        assert_eq!(response.status, 200, "{body}: {}", response.text());
    }
}
