//! What a processor of a batch job becomes.

use serde::{Deserialize, Serialize};

use crate::lease::format::SwfRules;

/// What a processor of a batch job becomes: a VM of this size, on a host of this size where the
/// spec names no hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Processor {
    /// CPU, hundredths of a core.
    pub cpu: i64,
    /// Memory, MB.
    pub memory_mb: i64,
}

impl Default for Processor {
    fn default() -> Self {
        let SwfRules { cpu, memory, .. } = SwfRules::default();
        Self { cpu, memory_mb: memory }
    }
}
