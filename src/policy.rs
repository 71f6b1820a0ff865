//! The promises every policy trait makes, and the error through which each may fail.
//!
//! A policy answers one question, sees borrowed state, changes nothing, draws randomness only from
//! the stream handed to it, and fails loudly: the engine stops the run and names the policy and
//! the time. It may keep state of its own; a fresh instance is built for every run.

use std::error::Error;
use std::fmt;

use crate::time::Instant;

/// A policy could not answer; the cause is kept whole so that a caller gets it back unchanged.
#[derive(Debug)]
pub struct PolicyError {
    /// Stable code of what went wrong: GLN-401 unless a more telling one is known.
    pub code: &'static str,
    /// Name of the policy as in the run spec.
    pub policy: String,
    /// When it was asked, once the engine knows.
    pub at: Option<Instant>,
    /// About whom it was asked, e.g. `host 17`.
    pub subject: Option<String>,
    /// Why it failed.
    pub source: Box<dyn Error + Send + Sync>,
}

impl PolicyError {
    /// A failure of `policy` caused by `source`.
    pub fn new(policy: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let (policy, source) = (policy.into(), source.into());
        Self { code: "GLN-401", policy, at: None, subject: None, source }
    }

    /// The same with another code.
    pub fn with_code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    /// Adds when the policy was asked, unless that is known already.
    pub fn at(mut self, instant: Instant) -> Self {
        self.at.get_or_insert(instant);
        self
    }

    /// Adds about whom the policy was asked, unless that is known already.
    pub fn about(mut self, subject: impl fmt::Display) -> Self {
        self.subject.get_or_insert_with(|| subject.to_string());
        self
    }

    /// Policy, time and subject in words, without the cause.
    pub fn context(&self) -> String {
        let mut words = format!("policy `{}`", self.policy);
        if let Some(at) = self.at {
            words += &format!(" at t = {} s", at.seconds());
        }
        if let Some(subject) = &self.subject {
            words += &format!(", {subject}");
        }
        words
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.code, self.context(), self.source)
    }
}

impl Error for PolicyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_policy_time_subject_and_cause() {
        let error = PolicyError::new("mine", "no answer").at(Instant(300_000_000)).about("host 3");
        assert_eq!(error.to_string(), "GLN-401 policy `mine` at t = 300 s, host 3: no answer");
    }
}
