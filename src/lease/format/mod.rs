//! Reading and writing leases: LWF, its old form, annotations, SWF, and Haizea's configuration.
//!
//! | format | what it is |
//! |---|---|
//! | LWF | XML: a site and lease requests ([`read_lwf`], [`write_lwf`]) |
//! | old LWF | ten columns per lease ([`read_old_lwf`]) |
//! | LWFA | XML: start, deadline, software, extras to be added to leases ([`read_annotations`]) |
//! | SWF | a line per job of a batch system ([`read_swf`]) |
//! | configuration | sections of options, as Haizea's own files ([`read_configuration`]) |
//!
//! Everything is read as a stream; XML entities other than the five of the standard are refused.
//! All problems of a file are reported together, each with its line.

mod annotation;
mod clock;
mod configuration;
mod error;
mod lwf;
mod lwf_nodes;
mod lwf_writer;
mod old_lwf;
mod swf;
mod xml;

pub use annotation::{Annotation, Annotations, read_annotations};
pub use configuration::{Configuration, read_configuration};
pub use error::Error;
pub use lwf::{read_lwf, read_lwf_with};
pub use lwf_writer::write_lwf;
pub use old_lwf::read_old_lwf;
pub use swf::{SwfRules, SwfSite, read_swf};

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

/// Opens `path` for reading; what ends in `.gz` is unpacked on the way.
///
/// # Errors
///
/// The operating system may refuse.
pub fn open(path: &Path) -> Result<Box<dyn BufRead>, Error> {
    let file = File::open(path).map_err(|cause| error::unreadable(path.display(), &cause))?;
    let plain = BufReader::new(file);
    if path.extension().is_some_and(|ending| ending == "gz") {
        return Ok(Box::new(BufReader::new(MultiGzDecoder::new(plain))));
    }
    Ok(Box::new(plain))
}
