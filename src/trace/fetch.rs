//! A file from its publisher, whole or not at all.
//!
//! The bytes go to `NAME.part` beside the target. An interrupted download is taken up where it
//! stopped: `Range` asks for the rest and `If-Range` names the version that was begun, so that a
//! file that has changed on the server starts anew. Only a file of the promised length and checksum
//! gets its name, by a rename. Nothing but HTTPS is spoken, except to this machine itself.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::catalogue::{Entry, Parcel};
use super::error::{Error, unwritable};
use crate::problem::Problem;

/// How often a broken connection is taken up again, as long as bytes arrive.
const ATTEMPTS: usize = 5;
/// A server that says nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(60);
/// Time before a broken connection is taken up again; longer with every attempt in vain.
const PAUSE: Duration = Duration::from_millis(100);
/// Bytes read at once.
const CHUNK: usize = 1 << 16;

/// How a file is fetched.
#[derive(Debug, Clone, Default)]
pub struct FetchOptions {
    /// Certificates, PEM, of authorities that are trusted instead of the usual ones.
    pub authorities: Option<PathBuf>,
    /// Fetch also what is there already.
    pub again: bool,
}

/// Called with the bytes that are there and, if the server says so, those of the whole file.
pub type FetchProgress<'p> = dyn FnMut(u64, Option<u64>) + 'p;

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
    /// Its bytes.
    pub bytes: u64,
    /// Whether it was there already.
    pub was_there: bool,
    /// Bytes of an earlier attempt that did not have to come again.
    pub resumed_at: u64,
}

/// Where files go unless told otherwise: `GALERNA_CACHE`, else the user's cache folder.
pub fn cache_folder() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = variable("GALERNA_CACHE") {
        return folder.into();
    }
    let home = || variable("HOME").map(|home| Path::new(&home).join(".cache"));
    let user = variable("XDG_CACHE_HOME").or_else(|| variable("LOCALAPPDATA")).map(PathBuf::from);
    user.or_else(home).unwrap_or_else(|| ".cache".into()).join("galerna").join("traces")
}

/// Fetches `parcel` into `folder`, which is made if need be.
///
/// # Errors
/// `GLN-151` when the server refuses, `GLN-152` when the checksum is another one, `GLN-153` when
/// the connection fails or breaks off, `GLN-154` for an address that is not HTTPS, `GLN-104` when a
/// file cannot be written.
pub fn fetch(
    parcel: &Parcel,
    folder: &Path,
    options: &FetchOptions,
    progress: &mut FetchProgress<'_>,
) -> Result<Fetched, Error> {
    let agent = agent(&parcel.url, options)?;
    let path = folder.join(parcel.file_name());
    fs::create_dir_all(folder).map_err(|cause| unwritable(folder, &cause))?;
    if path.is_file() && !options.again {
        let (sha256, bytes) = hashed(&path).map_err(|cause| unwritable(&path, &cause))?;
        if parcel.sha256.as_ref().is_none_or(|expected| *expected == sha256) {
            return Ok(Fetched { path, sha256, bytes, was_there: true, resumed_at: 0 });
        }
    }
    let mut part = Part::open(&path).map_err(|cause| unwritable(&path, &cause))?;
    let resumed_at = part.bytes;
    download(&agent, parcel, &mut part, progress)?;
    let (sha256, bytes) = hashed(&part.path).map_err(|cause| unwritable(&path, &cause))?;
    if let Some(expected) = parcel.sha256.as_ref().filter(|expected| **expected != sha256) {
        part.discard();
        let what = format!("the file has SHA-256 {sha256}, expected {expected}");
        let remedy = "Fetch it again; if that does not help, ask the publisher";
        return Err(Error::one("GLN-152", &parcel.url, what, remedy));
    }
    part.finish(&path).map_err(|cause| unwritable(&path, &cause))?;
    Ok(Fetched { path, sha256, bytes, was_there: false, resumed_at })
}

impl Entry {
    /// Fetches all parcels of a published trace into `folder`, without telling how far it is.
    ///
    /// # Errors
    /// Those of [`fetch`], and `GLN-155` where there is nothing to fetch.
    pub fn fetched(&self, folder: &Path, options: &FetchOptions) -> Result<Vec<Fetched>, Error> {
        self.fetchable()?;
        let parcels = self.parcels.iter();
        parcels.map(|parcel| fetch(parcel, folder, options, &mut |_, _| {})).collect()
    }

    /// Whether there is anything to fetch.
    ///
    /// # Errors
    /// `GLN-155`, with how to get it by hand.
    pub fn fetchable(&self) -> Result<(), Error> {
        if !self.parcels.is_empty() {
            return Ok(());
        }
        let by_hand = self.by_hand.as_deref().unwrap_or("see the page");
        let what = format!("the publisher offers no direct download, see {}", self.page);
        Err(Error::one("GLN-155", &self.name, what, format!("Get it by hand: {by_hand}")))
    }
}

/// The client for `url`, if that is an address that may be fetched from.
fn agent(url: &str, options: &FetchOptions) -> Result<Agent, Error> {
    let rest = url.strip_prefix("http://");
    let host = rest.map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
    let is_here = host.is_some_and(|host| ["127.0.0.1", "localhost"].contains(&host));
    if !url.starts_with("https://") && !is_here {
        let what = "the address is not an https one, expected https://...";
        return Err(Error::one("GLN-154", url, what, "Use the publisher's https address"));
    }
    let mut tls = TlsConfig::builder();
    if let Some(path) = &options.authorities {
        tls = tls.root_certs(RootCerts::from(authorities(path)?));
    }
    let config = Agent::config_builder()
        .https_only(!is_here)
        .http_status_as_error(false)
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .user_agent(concat!("galerna/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls.build());
    Ok(config.build().into())
}

fn authorities(path: &Path) -> Result<Vec<Certificate<'static>>, Error> {
    let place = path.display().to_string();
    let pem = fs::read(path).map_err(|cause| super::error::unreadable(&place, &cause))?;
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        let what = "found no certificate, expected PEM";
        return Err(Error::one("GLN-104", place, what, "Give a file of certificates in PEM"));
    }
    Ok(certificates)
}

/// Brings `part` to its whole length.
fn download(
    agent: &Agent,
    parcel: &Parcel,
    part: &mut Part,
    progress: &mut FetchProgress<'_>,
) -> Result<(), Error> {
    let mut last = None;
    let mut attempts = 0;
    while attempts < ATTEMPTS {
        let before = part.bytes;
        match attempt(agent, &parcel.url, part, progress) {
            Ok(()) => return Ok(()),
            Err(Trouble::Final(problem)) => return Err(problem.into()),
            Err(Trouble::Broken(what)) => last = Some(what),
        }
        // A connection that brought something was worth its while.
        attempts = if part.bytes > before { 1 } else { attempts + 1 };
        std::thread::sleep(PAUSE * attempts as u32);
    }
    let kept = part.bytes;
    let what = format!("the download broke off ({})", last.unwrap_or_default());
    let remedy = format!("Try again: {kept} bytes are kept and need not come again");
    Err(Error::one("GLN-153", &parcel.url, what, remedy))
}

/// Why an attempt ended early.
enum Trouble {
    /// Another one would end the same.
    Final(Problem),
    /// Another one may do better.
    Broken(String),
}

fn attempt(
    agent: &Agent,
    url: &str,
    part: &mut Part,
    progress: &mut FetchProgress<'_>,
) -> Result<(), Trouble> {
    let mut request = agent.get(url).header(header::ACCEPT_ENCODING, "identity");
    if let Some(version) = part.version.as_ref().filter(|_| part.bytes > 0) {
        request = request
            .header(header::RANGE, format!("bytes={}-", part.bytes))
            .header(header::IF_RANGE, version);
    }
    let response = request.call().map_err(|error| match error {
        ureq::Error::RequireHttpsOnly(_) | ureq::Error::BadUri(_) => {
            refused(url, &error.to_string())
        }
        error => Trouble::Broken(error.to_string()),
    })?;
    let path = part.path.clone();
    let written = |cause: io::Error| Trouble::Final(unwritten(&path, &cause));
    let whole = match response.status() {
        StatusCode::OK => {
            part.restart(version(&response)).map_err(written)?;
            length(&response)
        }
        StatusCode::PARTIAL_CONTENT if continues_at(&response, part.bytes) => {
            length(&response).map(|rest| part.bytes + rest)
        }
        // What is there is not a beginning of what the server has now.
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
            part.restart(None).map_err(written)?;
            return Err(Trouble::Broken("the server has another version".into()));
        }
        status if status.is_server_error() => return Err(Trouble::Broken(status.to_string())),
        status => return Err(refused(url, &format!("answered {status}"))),
    };
    copy(response, part, whole, progress)
}

fn refused(url: &str, what: &str) -> Trouble {
    let what = format!("the server refused: {what}");
    let remedy = "Check the address, or see the publisher's page (galerna traces list)";
    Trouble::Final(Problem::new("GLN-151", url, what, remedy))
}

fn unwritten(path: &Path, cause: &io::Error) -> Problem {
    let what = format!("cannot be written ({cause})");
    let remedy = "Check that the folder is writable and has room";
    Problem::new("GLN-104", path.display().to_string(), what, remedy)
}

fn copy(
    response: Response<ureq::Body>,
    part: &mut Part,
    whole: Option<u64>,
    progress: &mut FetchProgress<'_>,
) -> Result<(), Trouble> {
    let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
    let mut chunk = vec![0; CHUNK];
    progress(part.bytes, whole);
    loop {
        let read = match body.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(cause) => return Err(Trouble::Broken(cause.to_string())),
        };
        part.append(&chunk[..read])
            .map_err(|cause| Trouble::Final(unwritten(&part.path, &cause)))?;
        progress(part.bytes, whole);
    }
    match whole {
        Some(whole) if part.bytes < whole => {
            Err(Trouble::Broken(format!("{} of {whole} bytes came", part.bytes)))
        }
        _ => Ok(()),
    }
}

/// What names the version of a file: its entity tag, else its date.
fn version(response: &Response<ureq::Body>) -> Option<String> {
    let text = |name| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    // A weak tag does not promise the same bytes.
    let tag = text(header::ETAG).filter(|tag| !tag.starts_with("W/"));
    tag.or_else(|| text(header::LAST_MODIFIED))
}

fn length(response: &Response<ureq::Body>) -> Option<u64> {
    response.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether a partial answer goes on at byte `at`.
fn continues_at(response: &Response<ureq::Body>, at: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let begin = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next());
    begin.and_then(|begin| begin.parse().ok()) == Some(at)
}

/// SHA-256 and length of the file at `path`.
fn hashed(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        hasher.update(&chunk[..read]);
        bytes += read as u64;
    }
    let hex = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((hex, bytes))
}

/// A file that is not yet whole, and the version that was begun.
struct Part {
    file: File,
    path: PathBuf,
    version_path: PathBuf,
    version: Option<String>,
    bytes: u64,
}

impl Part {
    /// What an earlier attempt at `target` left, or nothing.
    fn open(target: &Path) -> io::Result<Self> {
        let beside = |end: &str| {
            let mut name = target.file_name().unwrap_or_default().to_owned();
            name.push(end);
            target.with_file_name(name)
        };
        let (path, version_path) = (beside(".part"), beside(".part.version"));
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = options?;
        file.try_lock().map_err(|_| io::Error::other("another download of it is under way"))?;
        let bytes = file.seek(SeekFrom::End(0))?;
        let version = fs::read_to_string(&version_path).ok().filter(|version| !version.is_empty());
        Ok(Self { file, path, version_path, version, bytes })
    }

    /// Begins anew with a file that the server calls `version`.
    fn restart(&mut self, version: Option<String>) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.bytes = 0;
        fs::write(&self.version_path, version.as_deref().unwrap_or_default())?;
        self.version = version;
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Gives the whole file its name.
    fn finish(self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, target)?;
        // It only helps to go on with what is whole now.
        let _ = fs::remove_file(&self.version_path);
        Ok(())
    }

    fn discard(&self) {
        // What remains is overwritten by the next attempt.
        let _ = fs::remove_file(&self.version_path);
        let _ = fs::remove_file(&self.path);
    }
}
