//! Certificates of the tests' own, and a tunnel that lets clients that speak no TLS reach a server that does.

use super::http::{self, Response};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// A certificate and its key, as PEM files.
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub der: CertificateDer<'static>,
}

impl Files {
    /// A new certificate for `localhost` that signed itself, in place of what was in the directory.
    pub fn make(dir: &TempDir) -> Files {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (dir.path().join("certificate.pem"), dir.path().join("key.pem"));
        fs::write(&certificate, made.cert.pem()).unwrap();
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&key).unwrap();
        file.write_all(made.signing_key.serialize_pem().as_bytes()).unwrap();
        Files { certificate, key, der: made.cert.der().clone() }
    }

    /// The arguments that serve it.
    pub fn arguments(&self) -> [&str; 4] {
        ["--tlscert", self.certificate.to_str().unwrap(), "--tlskey", self.key.to_str().unwrap()]
    }

    /// Sets the mode of the key's file.
    pub fn set_key_mode(&self, mode: u32) {
        fs::set_permissions(&self.key, fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// A client that trusts this certificate alone, and speaks these versions.
pub fn client(trusted: Option<&Files>, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    trusted.into_iter().for_each(|files| roots.add(files.der.clone()).unwrap());
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// A connection over TLS.
pub struct Connection(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Connection {
    pub fn open(address: SocketAddr, config: Arc<ClientConfig>) -> io::Result<Connection> {
        let mut connection = ClientConnection::new(config, ServerName::try_from("localhost").unwrap()).unwrap();
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(http::READ_TIMEOUT))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(Connection(BufReader::new(StreamOwned::new(connection, stream))))
    }

    /// Posts a body to the API.
    pub fn post(&mut self, body: &[u8]) -> io::Result<Response> {
        let head = format!("POST /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        self.0.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        http::read_response(&mut self.0)
    }
}

/// Listens on a plain port, and carries what comes there to a server over TLS.
pub fn tunnel(server: SocketAddr, config: Arc<ClientConfig>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for plain in listener.incoming() {
            let (plain, config) = (plain.unwrap(), config.clone());
            std::thread::spawn(move || carry(plain, server, config).unwrap());
        }
    });
    address
}

fn carry(mut plain: TcpStream, server: SocketAddr, config: Arc<ClientConfig>) -> io::Result<()> {
    let Connection(reader) = Connection::open(server, config)?;
    let (connection, mut raw) = reader.into_inner().into_parts();
    raw.set_read_timeout(None)?;
    let connection = Arc::new(Mutex::new(connection));
    let back = {
        let (connection, mut plain, mut raw) = (connection.clone(), plain.try_clone()?, raw.try_clone()?);
        std::thread::spawn(move || {
            let mut bytes = [0; 16 << 10];
            while let Ok(read @ 1..) = raw.read(&mut bytes) {
                let mut connection = connection.lock().unwrap();
                let mut records = &bytes[..read];
                let mut text = Vec::new();
                while !records.is_empty() {
                    connection.read_tls(&mut records).unwrap();
                    connection.process_new_packets().unwrap();
                    // The end of what there is so far is an error here.
                    let _ = connection.reader().read_to_end(&mut text);
                }
                drop(connection);
                if plain.write_all(&text).is_err() {
                    break;
                }
            }
            let _ = plain.shutdown(Shutdown::Both);
        })
    };
    let mut bytes = [0; 16 << 10];
    while let Ok(read @ 1..) = plain.read(&mut bytes) {
        let mut connection = connection.lock().unwrap();
        connection.writer().write_all(&bytes[..read])?;
        while connection.wants_write() {
            connection.write_tls(&mut raw)?;
        }
    }
    let _ = raw.shutdown(Shutdown::Both);
    back.join().unwrap();
    Ok(())
}
