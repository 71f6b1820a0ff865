//! What was decided about a lease, and why: noted by the scheduler when somebody asks.
//!
//! Times are seconds from the start of the run, leases are named by their numbers.

use serde::Serialize;

use crate::time::Instant;

/// A decision about a lease, or what follows from one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeaseDecision {
    /// When it was taken.
    #[serde(serialize_with = "in_seconds", rename = "at_s")]
    pub at: Instant,
    /// The number of the lease.
    pub lease: u64,
    /// What was decided.
    #[serde(flatten)]
    pub what: Decided,
}

/// What was decided about a lease.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "decision", rename_all = "kebab-case")]
pub enum Decided {
    /// It was asked for.
    Asked {
        /// Its kind.
        kind: &'static str,
        /// How many VMs it has.
        vms: usize,
        /// For how long.
        duration_s: f64,
    },
    /// It is held back.
    HeldBack {
        /// From when on it could begin.
        from_s: f64,
        /// Until when.
        until_s: f64,
        /// Mean of the rate by which it is shifted, had it begun at once, and if it begins then.
        rates: Option<[f64; 2]>,
    },
    /// It was tried, found no place, and waits on.
    Waits {
        /// When it was last tried for the same reason.
        until_s: f64,
        /// How often.
        tries: u32,
        /// Why.
        why: Hindrance,
        /// Leases that hold places in the future, where no more may.
        future: Vec<u64>,
    },
    /// It is refused.
    Refused {
        /// Why.
        why: Hindrance,
        /// Its deadline: no later start was possible either.
        deadline_s: Option<f64>,
    },
    /// It got a place.
    Planned(Planned),
    /// It makes way for another.
    Displaced(Displaced),
    /// Its VMs begin to run.
    Begins {
        /// Where.
        hosts: Vec<u32>,
        /// How long after it was asked for, or, of a reservation, after its start.
        waited_s: f64,
    },
    /// Its memory is saved.
    Suspends {
        /// Until when.
        until_s: f64,
    },
    /// Its memory is loaded.
    Resumes {
        /// Until when.
        until_s: f64,
        /// Where.
        hosts: Vec<u32>,
    },
    /// What it has saved goes to other hosts.
    Moves {
        /// `memory` or `disk`.
        what: &'static str,
        /// Which VM, from which host, to which.
        moves: Vec<(u32, u32, u32)>,
        /// Until when.
        until_s: f64,
    },
    /// Its image is to be sent.
    ImageSent {
        /// From when on.
        start_s: f64,
        /// Until when.
        until_s: f64,
        /// For how many of its VMs.
        vms: usize,
        /// Its size, MB.
        mb: i64,
    },
    /// It is over.
    Ends {
        /// How long it ran for its result.
        run_s: f64,
        /// How much sooner than asked for.
        early_s: f64,
    },
    /// It waits when all else is over, and can never run.
    Fails,
}

/// A place that was given to a lease.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planned {
    /// When its VMs are to run.
    pub start_s: f64,
    /// Until when.
    pub end_s: f64,
    /// The host of each VM.
    pub hosts: Vec<u32>,
    /// Whether its memory is saved then, as it cannot stay to its end.
    pub suspended: bool,
    /// Whether it goes on after it was suspended.
    pub resumed: bool,
    /// The hosts that were looked at, the best first.
    pub considered: Vec<Considered>,
    /// Why it does not begin sooner; none if it begins as soon as it could.
    pub not_sooner: Option<Hindrance>,
    /// Who makes way for it, in that order.
    pub displaces: Vec<Candidate>,
    /// Who could have made way as well, the next to go first.
    pub spares: Vec<Candidate>,
    /// What its user pays.
    pub price: Option<f64>,
}

/// A host that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Considered {
    /// Which one.
    pub host: u32,
    /// What the host selection gave it; none for a host that is empty and stays so, which comes
    /// first unseen.
    pub score: Option<f64>,
}

/// A lease that may be displaced.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Candidate {
    /// Its number.
    pub lease: u64,
    /// How gladly.
    pub score: f64,
}

/// How a lease makes way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Displaced {
    /// For whom.
    pub by: u64,
    /// When that is to begin.
    pub start_s: f64,
    /// How gladly it was displaced.
    pub score: Option<f64>,
    /// What becomes of it.
    pub how: Way,
    /// Work that is lost, as it was not saved.
    pub lost_s: f64,
    /// What saving it takes.
    pub suspend_s: f64,
    /// What loading it takes.
    pub resume_s: f64,
    /// Who else could have made way, the next to go first.
    pub others: Vec<Candidate>,
}

/// What becomes of a lease that makes way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Its memory is saved in time.
    Suspended,
    /// It loses its place and waits again.
    Queued,
    /// It got another place within its deadline at once.
    PlannedAnew,
}

/// What kept a lease from a place.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Hindrance {
    /// The admission policy does not want it.
    NotAdmitted,
    /// Its start was over when it was asked for.
    Past {
        /// Its start.
        start_s: f64,
    },
    /// There is no room.
    NoRoom(Obstacle),
    /// There is room, and not for long enough to be worth saving and loading it.
    TooShort {
        /// For how long.
        slice_s: f64,
        /// What would be worth it.
        least_s: f64,
        /// Who is in the way at its end.
        then: Obstacle,
    },
    /// Loading and saving would leave no time to run.
    OnlyOverheads,
    /// Its image cannot be there in time.
    ImageLate {
        /// When it was to begin.
        start_s: f64,
    },
    /// Its user does not pay so much.
    TooDear {
        /// What it costs.
        price: f64,
    },
    /// Another waits before it, and nobody overtakes.
    Behind {
        /// The first that waits.
        lease: u64,
    },
}

/// Which hosts lack what for a lease.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Obstacle {
    /// When it would have begun.
    pub start_s: f64,
    /// Until when room was sought.
    pub until_s: f64,
    /// How many VMs it has.
    pub vms: usize,
    /// How many of them find room.
    pub fit: usize,
    /// The hosts that have no room for the next, by id.
    pub lacks: Vec<Lack>,
    /// Whether it is bound to these hosts, as its memory or image is there.
    pub bound: bool,
    /// Leases that would have made way, and that does not suffice.
    pub without: Vec<u64>,
}

/// What a host lacks for the next VM of a lease.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lack {
    /// Which host.
    pub host: u32,
    /// How many VMs of the lease find room there.
    pub takes: u32,
    /// Which resource; none where a rule of the lease keeps the VM from those that are there.
    pub resource: Option<&'static str>,
    /// How much the VM needs.
    pub needs: i64,
    /// How much is free.
    pub free: i64,
    /// From when on.
    pub from_s: f64,
    /// When there is room again; none if that never comes.
    pub again_s: Option<f64>,
    /// Whose reservations are there.
    pub by: Vec<u64>,
}

impl Obstacle {
    /// Whether the same stands in the way, at whatever time it was tried.
    fn is_like(&self, other: &Self) -> bool {
        let since = |obstacle: &Self| -> Vec<Lack> {
            let at_once = |lack: &Lack| Lack {
                from_s: if lack.from_s <= obstacle.start_s { 0.0 } else { lack.from_s },
                ..lack.clone()
            };
            obstacle.lacks.iter().map(at_once).collect()
        };
        self.fit == other.fit && self.without == other.without && since(self) == since(other)
    }
}

impl Hindrance {
    /// Whether it is the same, at whatever time it was met.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::NoRoom(one), Self::NoRoom(other)) => one.is_like(other),
            (Self::TooShort { then, .. }, Self::TooShort { then: other, .. }) => {
                then.is_like(other)
            }
            _ => self == other,
        }
    }
}

fn in_seconds<S: serde::Serializer>(at: &Instant, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(at.seconds())
}
