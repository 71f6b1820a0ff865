//! Under which name is a result kept, so that equal runs share it and no other run takes it?
//!
//! ```text
//! address = first 32 hex digits of BLAKE3(version, source, content, spec)
//! ```
//!
//! `version` and `source`: galerna's version and the fingerprint of its source text; `content`:
//! BLAKE3 of names, step and values of the trace that was read, of the leases as they are asked for
//! (LWF), or of both; `spec`: the resolved spec as TOML without its section `[trace]`, because what
//! the trace holds counts and not where it lies.

use crate::spec::{RunSpec, TraceSpec};

/// The address of the run of `spec` on what has the hash `content`.
pub(super) fn address(spec: &RunSpec, content: &str) -> String {
    let placeless = RunSpec { trace: TraceSpec::default(), ..spec.clone() };
    let spec = placeless.to_toml();
    let mut hasher = blake3::Hasher::new();
    for part in [env!("CARGO_PKG_VERSION"), env!("GALERNA_SOURCE"), content, &spec] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_trace_holds_counts_and_not_where_it_lies() {
        let spec = RunSpec::default();
        let mut moved = spec.clone();
        moved.trace.path = "elsewhere.parquet".into();
        moved.trace.day = Some("20110303".into());
        assert_eq!(address(&spec, "a"), address(&moved, "a"));
        assert_ne!(address(&spec, "a"), address(&spec, "b"));
    }

    #[test]
    fn every_other_key_counts() {
        let spec = RunSpec::default();
        let mut other = spec.clone();
        other.run.seed = 1;
        assert_ne!(address(&spec, "a"), address(&other, "a"));
        other = spec.clone();
        other.migration.rules.share = 0.25;
        assert_ne!(address(&spec, "a"), address(&other, "a"));
        assert_eq!(address(&spec, "a").len(), 32);
    }
}
