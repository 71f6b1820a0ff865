//! Why the planner refuses: every refusal leaves everything as it was.
//!
//! | code | meaning |
//! |---|---|
//! | GLN-510 | a request makes no sense |
//! | GLN-511 | there is no room |
//! | GLN-512 | there is no such reservation |
//! | GLN-513 | the file of the planner cannot be read or written |
//! | GLN-514 | the file of the planner is damaged, or not one |
//! | GLN-515 | the file of the planner is in use |

use super::Refusal;

impl PlanError {
    /// Its code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Senseless { .. } | Self::NoSuchResource { .. } => "GLN-510",
            Self::NoRoom(_) => "GLN-511",
            Self::Unknown { .. } => "GLN-512",
            Self::File { .. } => "GLN-513",
            Self::Damaged { .. } => "GLN-514",
            Self::Busy { .. } => "GLN-515",
        }
    }
}

/// Why the planner refuses.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A request that nobody could serve.
    #[error("GLN-510 the request {wrong}. Mend it and ask again.")]
    Senseless {
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// A resource that the site does not know.
    #[error("GLN-510 the request names the resource `{name}`. Besides CPU and memory: {known}.")]
    NoSuchResource {
        /// As it was written.
        name: String,
        /// What there is.
        known: String,
    },
    /// Others are in the way.
    #[error("GLN-511 there is no room: {0}. Ask for alternatives.")]
    NoRoom(Refusal),
    /// It was cancelled, or its hold is over.
    #[error("GLN-512 there is no reservation {id}. It was cancelled, or its hold ran out.")]
    Unknown {
        /// Its number.
        id: u64,
    },
    /// The operating system refused.
    #[error("GLN-513 {path}: {cause}. Check path, permissions and space.")]
    File {
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// Another process changes it.
    #[error("GLN-515 {path}: in use by another process. Try again when that is done.")]
    Busy {
        /// The file.
        path: String,
    },
    /// A line of the file says what cannot be.
    #[error("GLN-514 {path}:{line}: {what}. Restore the file from a copy.")]
    Damaged {
        /// The file.
        path: String,
        /// Which line.
        line: usize,
        /// What is wrong.
        what: String,
    },
}
