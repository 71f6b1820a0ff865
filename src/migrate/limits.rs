//! May a migration begin? Preconditions, and how many may run at once.
//!
//! Every hypervisor's management bounds the migrations at once: per host, per datastore, per
//! cluster. Presets are the documented defaults of their versions. A migration that is refused is
//! told every reason at once.
//!
//! Sources: KubeVirt user guide (5 per cluster, 2 outgoing per node, 64 MiB/s each); OpenStack Nova
//! (1 outgoing live migration per host); VMware vSphere documentation (4 per host at 1 GbE, 8 at
//! 10 GbE, 128 per datastore; quoted from memory); Hyper-V (2 live migrations at once by default,
//! quoted from memory).

use crate::problem::{Problem, suggestion};
use crate::units::{Bytes, BytesPerSecond};

/// Migrations at once; `usize::MAX` where there is no bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Leaving a host.
    pub outgoing: usize,
    /// Arriving at a host.
    pub incoming: usize,
    /// Leaving or arriving.
    pub per_host: usize,
    /// On one datastore.
    pub per_datastore: usize,
    /// In all.
    pub in_all: usize,
    /// Bytes per second that each may use.
    pub rate: Option<BytesPerSecond>,
}

/// No bound at all.
pub const UNLIMITED: Limits = Limits {
    outgoing: usize::MAX,
    incoming: usize::MAX,
    per_host: usize::MAX,
    per_datastore: usize::MAX,
    in_all: usize::MAX,
    rate: None,
};

const PRESETS: [&str; 6] =
    ["unlimited", "vmotion-1g", "vmotion-10g", "nova", "kubevirt", "hyper-v"];

impl Limits {
    /// The preset `name`.
    ///
    /// # Errors
    ///
    /// GLN-315 where there is no such preset.
    pub fn preset(name: &str) -> Result<Self, Problem> {
        Ok(match name {
            "unlimited" => UNLIMITED,
            "vmotion-1g" => Self { per_host: 4, per_datastore: 128, ..UNLIMITED },
            "vmotion-10g" => Self { per_host: 8, per_datastore: 128, ..UNLIMITED },
            "nova" => Self { outgoing: 1, ..UNLIMITED },
            "kubevirt" => {
                let rate = Some(BytesPerSecond(64.0 * 1_048_576.0));
                Self { outgoing: 2, in_all: 5, rate, ..UNLIMITED }
            }
            "hyper-v" => Self { outgoing: 2, incoming: 2, ..UNLIMITED },
            _ => {
                let what = format!("there is no preset `{name}`{}", suggestion(name, PRESETS));
                let remedy = format!("Choose one of {}", PRESETS.join(", "));
                return Err(Problem::new("GLN-315", "limits", what, remedy));
            }
        })
    }
}

/// Migrations under way now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnderWay {
    /// Leaving the source.
    pub leaving_source: usize,
    /// Arriving at the source.
    pub arriving_source: usize,
    /// Leaving the destination.
    pub leaving_destination: usize,
    /// Arriving at the destination.
    pub arriving_destination: usize,
    /// On the datastore of the VM.
    pub on_datastore: usize,
    /// In all.
    pub in_all: usize,
}

/// A migration that wants to begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// Whether the destination's CPU has every feature that the VM uses.
    pub cpu_compatible: bool,
    /// Whether both hosts reach the VM's disk.
    pub shared_storage: bool,
    /// Whether the disk moves as well.
    pub moves_disk: bool,
    /// Memory of the VM.
    pub memory: Bytes,
    /// Memory free at the destination.
    pub free: Bytes,
}

/// Everything that keeps `request` from beginning; nothing where it may.
///
/// GLN-316 with one problem per reason.
pub fn refusals(request: &Request, limits: &Limits, now: &UnderWay, place: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut refuse = |what: String, remedy: &str| {
        found.push(Problem::new("GLN-316", place, what, remedy));
    };
    if !request.cpu_compatible {
        let what = "the destination's CPU lacks features that the VM uses".to_owned();
        refuse(what, "Choose another destination, or move it stopped");
    }
    if !request.shared_storage && !request.moves_disk {
        let what = "source and destination share no storage".to_owned();
        refuse(what, "Move the disk as well (model `storage`)");
    }
    if request.memory > request.free {
        let what = format!("{} of memory do not fit {} free", request.memory, request.free);
        refuse(what, "Free memory at the destination first");
    }
    let counts = [
        ("leave the source", now.leaving_source, limits.outgoing),
        ("arrive at the destination", now.arriving_destination, limits.incoming),
        ("use the source", now.leaving_source + now.arriving_source, limits.per_host),
        (
            "use the destination",
            now.leaving_destination + now.arriving_destination,
            limits.per_host,
        ),
        ("use the datastore", now.on_datastore, limits.per_datastore),
        ("are under way", now.in_all, limits.in_all),
    ];
    for (what, count, most) in counts.into_iter().filter(|&(_, count, most)| count >= most) {
        refuse(format!("{count} migrations {what}, at most {most} may"), "Wait for one to end");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_told_at_once() {
        let request = Request {
            cpu_compatible: false,
            shared_storage: false,
            moves_disk: false,
            memory: Bytes(5),
            free: Bytes(4),
        };
        let now = UnderWay { leaving_source: 1, in_all: 1, ..UnderWay::default() };
        let nova = Limits::preset("nova").expect("it is listed");
        let found = refusals(&request, &nova, &now, "vm 3");
        assert_eq!(found.len(), 4);
        assert!(found[2].to_string().contains("5 B of memory do not fit 4 B free"));
        assert!(found[3].to_string().contains("1 migrations leave the source, at most 1 may"));
        let fine = Request { cpu_compatible: true, moves_disk: true, free: Bytes(5), ..request };
        assert!(refusals(&fine, &UNLIMITED, &now, "vm 3").is_empty());
    }

    #[test]
    fn presets_answer_to_their_names() {
        assert!(PRESETS.iter().all(|name| Limits::preset(name).is_ok()));
        let error = Limits::preset("kubvirt").unwrap_err().to_string();
        assert!(error.contains("did you mean `kubevirt`?"), "{error}");
    }
}
