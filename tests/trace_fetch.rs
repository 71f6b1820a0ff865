//! Does a file come whole from its publisher, or not at all? Against servers on this machine.
#![cfg(feature = "cli")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use galerna::trace::{FetchOptions, Fetched, Parcel, fetch};
use sha2::{Digest, Sha256};

/// How a server behaves.
#[derive(Debug, Clone, Default)]
struct Manners {
    /// Whether it knows `Range`.
    ranges: bool,
    /// Bytes of the body after which it hangs up, per request; then it behaves.
    cuts: Vec<usize>,
    /// Statuses that it answers with before it behaves.
    statuses: Vec<&'static str>,
    /// Whether it leaves out the length of the body.
    silent: bool,
    /// The version that it names, per request; the last one stays.
    versions: Vec<&'static str>,
}

/// A server on the loopback interface that ends with the test.
struct Server {
    address: String,
    /// The head of every request.
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn of(content: Vec<u8>, manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let head = head(&stream);
                seen.lock().unwrap().push(head.clone());
                let _ = answer(&stream, &head, &content, &manners, number);
            }
        });
        Self { address, requests }
    }

    fn parcel(&self, sha256: Option<String>) -> Parcel {
        Parcel { url: format!("{}/data/load.csv.gz", self.address), sha256, checksum_from: None }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn head(stream: &TcpStream) -> String {
    let mut head = String::new();
    let mut reader = BufReader::new(stream);
    while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
    head.to_ascii_lowercase()
}

fn answer(
    mut stream: &TcpStream,
    head: &str,
    content: &[u8],
    manners: &Manners,
    number: usize,
) -> std::io::Result<()> {
    if let Some(status) = manners.statuses.get(number) {
        return write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
    }
    let version = manners.versions.get(number).or(manners.versions.last()).unwrap_or(&"\"v1\"");
    let begin = head.split("range: bytes=").nth(1).and_then(|rest| rest.split('-').next());
    let begin: Option<usize> = begin.and_then(|begin| begin.parse().ok());
    let same = head.contains(&format!("if-range: {version}"));
    let begin = begin.filter(|_| manners.ranges && same);
    let body = &content[begin.unwrap_or(0).min(content.len())..];
    let (status, range) = match begin {
        Some(begin) => {
            let (last, whole) = (content.len() - 1, content.len());
            ("206 Partial Content", format!("content-range: bytes {begin}-{last}/{whole}\r\n"))
        }
        None => ("200 OK", String::new()),
    };
    let length = match manners.silent {
        true => String::new(),
        false => format!("content-length: {}\r\n", body.len()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\netag: {version}\r\n{range}{length}connection: close\r\n\r\n"
    )?;
    let sent = manners.cuts.get(number).map_or(body.len(), |cut| (*cut).min(body.len()));
    stream.write_all(&body[..sent])?;
    stream.flush()
}

fn content() -> Vec<u8> {
    (0..300_000u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn get(parcel: &Parcel, folder: &Path) -> Result<Fetched, String> {
    let result = fetch(parcel, folder, &FetchOptions::default(), &mut |_, _| {});
    result.map_err(|error| error.to_string())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_file_comes_with_progress_and_is_not_fetched_twice() {
    let server = Server::of(content(), Manners { ranges: true, ..Manners::default() });
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("new/folder");
    let parcel = server.parcel(Some(sha256(&content())));
    let mut steps = Vec::new();
    let options = FetchOptions::default();
    let mut progress = |at: u64, whole: Option<u64>| steps.push((at, whole));
    let fetched = fetch(&parcel, &into, &options, &mut progress).unwrap();
    assert_eq!(fs::read(&fetched.path).unwrap(), content());
    assert_eq!((fetched.bytes, fetched.was_there, fetched.resumed_at), (1_200_000, false, 0));
    assert_eq!(steps.first(), Some(&(0, Some(1_200_000))));
    assert_eq!(steps.last(), Some(&(1_200_000, Some(1_200_000))));
    assert!(steps.windows(2).all(|pair| pair[0].0 <= pair[1].0) && steps.len() > 3);
    assert_eq!(names(&into), ["load.csv.gz"]);
    assert!(get(&parcel, &into).unwrap().was_there);
    assert_eq!(server.requests().len(), 1);
    let again = FetchOptions { again: true, ..FetchOptions::default() };
    assert!(!fetch(&parcel, &into, &again, &mut |_, _| {}).unwrap().was_there);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn what_is_there_but_differs_is_fetched_anew() {
    let server = Server::of(content(), Manners::default());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("load.csv.gz"), "something else").unwrap();
    let fetched = get(&server.parcel(Some(sha256(&content()))), folder.path()).unwrap();
    assert_eq!((fetched.was_there, fs::read(fetched.path).unwrap()), (false, content()));
}

#[test]
fn an_interrupted_download_is_taken_up_where_it_stopped() {
    let cuts = vec![400_000, 100_000];
    let manners = Manners { ranges: true, cuts, ..Manners::default() };
    let server = Server::of(content(), manners);
    let folder = tempfile::tempdir().unwrap();
    let fetched = get(&server.parcel(Some(sha256(&content()))), folder.path()).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), content());
    let requests = server.requests();
    assert_eq!(requests.len(), 3, "{requests:#?}");
    assert!(!requests[0].contains("range:"));
    assert!(
        requests[1].contains("range: bytes=400000-") && requests[1].contains("if-range: \"v1\"")
    );
    assert!(requests[2].contains("range: bytes=500000-"), "{}", requests[2]);
    assert_eq!(names(folder.path()), ["load.csv.gz"]);
}

#[test]
fn what_an_earlier_command_left_is_used_by_the_next() {
    let cuts = vec![300_000, 0, 0, 0, 0, 0];
    let manners = Manners { ranges: true, cuts, ..Manners::default() };
    let server = Server::of(content(), manners);
    let folder = tempfile::tempdir().unwrap();
    let parcel = server.parcel(Some(sha256(&content())));
    let error = get(&parcel, folder.path()).unwrap_err();
    assert!(error.starts_with("GLN-153"), "{error}");
    assert!(error.contains("broke off") && error.contains("300000 bytes are kept"), "{error}");
    assert_eq!(names(folder.path()), ["load.csv.gz.part", "load.csv.gz.part.version"]);
    let mut fetched = get(&parcel, folder.path());
    for _ in 0..3 {
        fetched = fetched.or_else(|_| get(&parcel, folder.path()));
    }
    let fetched = fetched.unwrap();
    assert_eq!((fetched.resumed_at, fs::read(fetched.path).unwrap()), (300_000, content()));
    assert_eq!(names(folder.path()), ["load.csv.gz"]);
}

#[test]
fn a_server_without_ranges_is_asked_for_all_of_it_again() {
    let manners = Manners { cuts: vec![400_000], ..Manners::default() };
    let server = Server::of(content(), manners);
    let folder = tempfile::tempdir().unwrap();
    let fetched = get(&server.parcel(Some(sha256(&content()))), folder.path()).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), content());
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_file_that_changed_meanwhile_starts_anew() {
    let versions = vec!["\"v1\"", "\"v2\""];
    let manners = Manners { ranges: true, cuts: vec![400_000], versions, ..Manners::default() };
    let server = Server::of(content(), manners);
    let folder = tempfile::tempdir().unwrap();
    let fetched = get(&server.parcel(Some(sha256(&content()))), folder.path()).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), content());
    assert!(server.requests()[1].contains("if-range: \"v1\""));
}

#[test]
fn a_body_without_a_length_ends_with_the_connection() {
    let server = Server::of(content(), Manners { silent: true, ..Manners::default() });
    let folder = tempfile::tempdir().unwrap();
    let fetched = get(&server.parcel(Some(sha256(&content()))), folder.path()).unwrap();
    assert_eq!(fetched.bytes, 1_200_000);
    // Cut short, it can only be told by its checksum.
    let cut = Manners { silent: true, cuts: vec![1000], ..Manners::default() };
    let server = Server::of(content(), cut);
    let error =
        get(&server.parcel(Some(sha256(&content()))), &folder.path().join("b")).unwrap_err();
    assert!(error.starts_with("GLN-152"), "{error}");
}

#[test]
fn a_wrong_checksum_leaves_nothing_behind() {
    let server = Server::of(content(), Manners::default());
    let folder = tempfile::tempdir().unwrap();
    let error = get(&server.parcel(Some("0".repeat(64))), folder.path()).unwrap_err();
    let expected = format!("GLN-152 {}/data/load.csv.gz: the file has SHA-256", server.address);
    assert!(error.starts_with(&expected), "{error}");
    assert!(error.contains(&sha256(&content())) && error.contains(&"0".repeat(64)), "{error}");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_refusal_is_told_and_a_weak_server_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Manners { statuses: vec!["404 Not Found"; 9], ..Manners::default() };
    let server = Server::of(content(), missing);
    let error = get(&server.parcel(None), folder.path()).unwrap_err();
    assert!(error.starts_with("GLN-151") && error.contains("answered 404"), "{error}");
    assert_eq!(server.requests().len(), 1, "a refusal is final");
    assert!(!names(folder.path()).contains(&"load.csv.gz".to_owned()));
    let tired = Manners { statuses: vec!["503 Service Unavailable"; 2], ..Manners::default() };
    let server = Server::of(content(), tired);
    assert_eq!(get(&server.parcel(None), folder.path()).unwrap().bytes, 1_200_000);
    assert_eq!(server.requests().len(), 3);
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{dead}/x.csv");
    let error = get(&Parcel { url, sha256: None, checksum_from: None }, folder.path()).unwrap_err();
    assert!(error.starts_with("GLN-153"), "{error}");
}

#[test]
fn only_https_is_spoken_to_other_machines() {
    let folder = tempfile::tempdir().unwrap();
    for url in ["http://example.org/x.csv", "ftp://example.org/x", "http://127.0.0.1.example.org/x"]
    {
        let parcel = Parcel { url: url.into(), sha256: None, checksum_from: None };
        let error = get(&parcel, folder.path()).unwrap_err();
        assert!(error.starts_with("GLN-154"), "{error}");
    }
    assert!(names(folder.path()).is_empty());
}

mod https {
    use super::*;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::{ServerConfig, ServerConnection, StreamOwned};

    /// A server that speaks TLS with a certificate of its own making; returns that as PEM.
    fn server(content: Vec<u8>) -> (u16, String) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let pem = made.cert.pem();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let chain: Vec<CertificateDer<'static>> = vec![made.cert.der().clone()];
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
        let config = Arc::new(config.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                let mut request = [0; 4096];
                if stream.read(&mut request).is_err() {
                    continue;
                }
                let length = content.len();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(&content);
                let _ = stream.flush();
            }
        });
        (port, pem)
    }

    #[test]
    fn a_certificate_counts_only_if_its_authority_is_trusted() {
        let (port, pem) = server(content());
        let folder = tempfile::tempdir().unwrap();
        let url = format!("https://localhost:{port}/load.csv");
        let parcel = Parcel { url, sha256: Some(sha256(&content())), checksum_from: None };
        let error = get(&parcel, folder.path()).unwrap_err();
        assert!(error.starts_with("GLN-153"), "{error}");
        let authorities = folder.path().join("authority.pem");
        fs::write(&authorities, pem).unwrap();
        let trusting = FetchOptions { authorities: Some(authorities), again: false };
        let fetched = fetch(&parcel, folder.path(), &trusting, &mut |_, _| {}).unwrap();
        assert_eq!(fs::read(fetched.path).unwrap(), content());
    }
}
