//! What is changed of leases before they are asked for: CPU and memory, and time for slower VMs and
//! boots.
//!
//! ```text
//! duration' = ceil(duration x (1 + slowdown / 100)) + boot
//! ```
//!
//! Durations are seconds, slowdown is a percentage from 0 on, boot seconds from 0 on; requested and
//! real durations grow alike.
//!
//! Source: Haizea 1.1, options `add-overhead`, `runtime-slowdown-overhead`, `bootshutdown-overhead`
//! and `override-memory`. Known difference: Haizea overwrites the requested duration with the
//! lengthened real one where a real duration is known; here each keeps its own.

use serde::{Deserialize, Serialize};

use crate::model::lease::{CPU, LeaseRequest, MEMORY, Workload};
use crate::provision::seconds_up;
use crate::time::Span;

/// Whose durations grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lengthened {
    /// Nobody's.
    #[default]
    None,
    /// Those of best-effort leases.
    BestEffort,
    /// All.
    All,
}

/// Changes to all leases of a workload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Adjustment {
    /// CPU of every VM, hundredths of a core, whatever the workload says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<i64>,
    /// Memory of every VM, MB, whatever the workload says.
    #[serde(rename = "memory-mb", skip_serializing_if = "Option::is_none")]
    pub memory: Option<i64>,
    /// Whose durations grow.
    pub lengthened: Lengthened,
    /// Share by which VMs are slower than what the workload was measured on, per cent.
    pub slowdown_percent: f64,
    /// What booting and shutting down take.
    #[serde(rename = "boot-s", with = "crate::time::seconds")]
    pub boot: Span,
}

impl Adjustment {
    /// Changes the leases of `workload`.
    ///
    /// ```
    /// use galerna::lease::{Adjustment, Lengthened, format};
    /// use galerna::time::Span;
    ///
    /// let line = "0 -1 60 50 2 1 512 0 none 0\n";
    /// let mut workload = format::read_old_lwf("one.lwf", line.as_bytes())?;
    /// let boot = Span::from_seconds(20.0);
    /// let lengthened = Lengthened::BestEffort;
    /// let unchanged = Adjustment::default();
    /// let adjust = Adjustment { lengthened, slowdown_percent: 5.0, boot, ..unchanged };
    /// adjust.apply(&mut workload);
    /// assert_eq!(workload.leases[0].duration.seconds(), 83.0);
    /// # Ok::<(), format::Error>(())
    /// ```
    pub fn apply(&self, workload: &mut Workload) {
        for lease in &mut workload.leases {
            for (k, amount) in [(CPU, self.cpu), (MEMORY, self.memory)] {
                if let Some(amount) = amount {
                    lease.nodes.iter_mut().for_each(|set| set.need[k] = amount);
                }
            }
            if self.lengthens(lease) {
                lease.duration = self.longer(lease.duration);
                lease.real_duration = lease.real_duration.map(|real| self.longer(real));
            }
        }
    }

    fn lengthens(&self, lease: &LeaseRequest) -> bool {
        match self.lengthened {
            Lengthened::None => false,
            Lengthened::BestEffort => lease.is_best_effort(),
            Lengthened::All => true,
        }
    }

    fn longer(&self, span: Span) -> Span {
        seconds_up(span.seconds() * (1.0 + self.slowdown_percent / 100.0)) + self.boot
    }
}
