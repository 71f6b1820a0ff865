//! The reservation planner: when is there room, and what could be offered instead?
//!
//! A [`Planner`] keeps what has been promised on each host of a site, in [`Calendar`]s of that host
//! and in a file. It finds the earliest start, offers alternatives (later, fewer nodes, shorter,
//! in two parts), says which reservations are in the way, holds and commits, groups all or
//! nothing, extends, shrinks, moves, cancels, and re-places what stood on a host that fails.
//!
//! # The earliest start
//!
//! Host by host the earliest time is asked at which one, two, ... nodes fit for the whole
//! duration. Before the n-th smallest of these times n nodes cannot fit; so that is the next time
//! to try, and if they fit there it is the answer. No time between is looked at.
//!
//! # Two phases and one file
//!
//! [`Planner::hold`] keeps hosts until a deadline, [`Planner::commit`] makes that a promise. Every
//! change is one line of JSON that is on the disk before the call returns; a line that was cut
//! short by a crash does not count. So a committed reservation is never lost, and one that was not
//! committed is gone after its deadline.
//!
//! Source: the two-phase hold follows batch systems with co-allocation (Maui, Globus GARA); the
//! questions are those that leave Haizea's users without an answer.
//!
//! [`Calendar`]: crate::calendar::Calendar

mod answer;
mod displace;
mod during;
mod error;
mod host;
mod hours;
mod journal;
mod need;
mod price;
mod search;
mod upkeep;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use answer::{Answer, Offer, OfferKind, Part, Refusal};
pub use error::PlanError;
pub use need::{Need, need};
pub use price::Tariff;
pub use upkeep::Healing;

use crate::model::lease::{CPU, MEMORY, Site};
use crate::time::{Instant, Span};
use during::During;
use host::{Booked, Host};
use journal::Journal;

/// Room that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// How many nodes.
    pub nodes: u32,
    /// What each node needs.
    #[serde(with = "need")]
    pub need: Need,
    /// For how long.
    pub duration: Span,
    /// Not before.
    pub earliest: Instant,
    /// Not starting after; equal to `earliest` for a fixed start.
    pub latest: Instant,
}

/// Whether a reservation is a promise yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Kept until this instant, then gone unless it is committed.
    Held(Instant),
    /// Promised.
    Committed,
    /// The host is not to be used.
    Maintenance,
}

/// Hosts that are reserved from one instant to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// Its number.
    pub id: u64,
    /// For whom or what.
    pub name: String,
    /// Whether it is promised.
    pub standing: Standing,
    /// Whether it may be displaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preemptible: bool,
    /// From when on.
    pub start: Instant,
    /// Until when.
    pub end: Instant,
    /// What each node needs.
    #[serde(with = "need")]
    pub need: Need,
    /// The host of each node.
    pub hosts: Vec<u32>,
}

impl Reserved {
    /// Whether it ended, or its hold ran out, by `now`.
    pub fn is_over(&self, now: Instant) -> bool {
        self.end <= now || matches!(self.standing, Standing::Held(until) if until <= now)
    }
}

/// A reservation with its bookings in the calendars.
#[derive(Debug)]
struct Entry {
    reserved: Reserved,
    bookings: Vec<(u32, Booked)>,
}

/// What is promised on the hosts of a site.
///
/// ```
/// use galerna::lease::planner::{Answer, Planner, Request, need};
/// use galerna::model::lease::Site;
/// use galerna::time::{Instant, Span};
///
/// let mut planner = Planner::new(Site::uniform(4, 800, 16_384));
/// let hour = Span::from_seconds(3600.0);
/// let noon = Instant::from_seconds(43_200.0);
/// let need = need([800, 16_384]);
/// let request = Request { nodes: 3, need, duration: hour, earliest: noon, latest: noon };
/// let id = planner.hold(&request, "tests", Instant::START, noon)?;
/// planner.commit(id, Instant::START)?;
/// // Two hosts from noon on: one is left, so an hour later.
/// let request = Request { nodes: 2, ..request };
/// let Answer::Refused(refusal, offers) = planner.ask(&request, 5)? else { panic!() };
/// assert_eq!(refusal.blockers, [id]);
/// assert_eq!(offers[0].parts[0].start, noon + hour);
/// # Ok::<(), galerna::lease::planner::PlanError>(())
/// ```
#[derive(Debug)]
pub struct Planner {
    site: Site,
    free: Vec<Host>,
    entries: BTreeMap<u64, Entry>,
    during: During,
    /// Holds by the instant at which they are over.
    holds: BTreeSet<(Instant, u64)>,
    next: u64,
    journal: Option<Journal>,
}

/// Changes that happen together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Change {
    /// Reservations that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    remove: Vec<u64>,
    /// Reservations that are new, or as they are now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    put: Vec<Reserved>,
}

impl Planner {
    /// A planner for the hosts of `site`, kept in memory only.
    pub fn new(site: Site) -> Self {
        let free = site.hosts.iter().map(|&capacity| Host::new(capacity)).collect();
        let (entries, holds) = (BTreeMap::new(), BTreeSet::new());
        Self { site, free, entries, during: During::new(), holds, next: 1, journal: None }
    }

    /// The hosts, what each has, and the names of the resources.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// What a node needs that takes `cpu` hundredths of a core, `memory` MB, and of other
    /// resources what `others` names.
    ///
    /// # Errors
    ///
    /// The site may not know a resource of that name.
    pub fn need<'n>(
        &self,
        (cpu, memory): (i64, i64),
        others: impl IntoIterator<Item = (&'n str, i64)>,
    ) -> Result<Need, PlanError> {
        let mut need = need([cpu, memory]);
        for (name, amount) in others {
            let position = self.site.resources.iter().position(|known| known == name);
            match position {
                Some(k) if k != CPU && k != MEMORY => need[k] = amount,
                _ => {
                    let known = self.site.resources[MEMORY + 1..].join(", ");
                    return Err(PlanError::NoSuchResource { name: name.to_owned(), known });
                }
            }
        }
        Ok(need)
    }

    /// All reservations, by number.
    pub fn reservations(&self) -> impl Iterator<Item = &Reserved> {
        self.entries.values().map(|entry| &entry.reserved)
    }

    /// The reservation called `id`.
    ///
    /// # Errors
    ///
    /// There may be none.
    pub fn reservation(&self, id: u64) -> Result<&Reserved, PlanError> {
        self.entries.get(&id).map(|entry| &entry.reserved).ok_or(PlanError::Unknown { id })
    }

    /// Those that overlap `[start, end)`, by number.
    fn overlapping(&self, start: Instant, end: Instant) -> Vec<&Reserved> {
        let candidates = self.during.candidates(start, end).map(|id| &self.entries[&id].reserved);
        let mut found: Vec<&Reserved> = candidates.filter(|r| r.end > start).collect();
        found.sort_unstable_by_key(|reserved| reserved.id);
        found
    }

    /// What `need` holds of other resources than CPU and memory, by name.
    pub fn others_of<'p>(&'p self, need: &'p Need) -> impl Iterator<Item = (String, i64)> + 'p {
        let named = self.site.resources.iter().cloned().zip(need.iter().copied());
        named.skip(MEMORY + 1).filter(|&(_, amount)| amount != 0)
    }

    /// Keeps hosts for `request` until `expires`; at the earliest start that is possible.
    ///
    /// # Errors
    ///
    /// There may be no room, or the request may make no sense at `now`.
    pub fn hold(
        &mut self,
        request: &Request,
        name: &str,
        now: Instant,
        expires: Instant,
    ) -> Result<u64, PlanError> {
        let ids = self.hold_all(std::slice::from_ref(request), name, now, expires)?;
        Ok(ids[0])
    }

    /// Keeps hosts for all `requests`, or for none.
    ///
    /// # Errors
    ///
    /// As [`Planner::hold`], for the first request that fails; nothing is changed then.
    pub fn hold_all(
        &mut self,
        requests: &[Request],
        name: &str,
        now: Instant,
        expires: Instant,
    ) -> Result<Vec<u64>, PlanError> {
        self.expire(now)?;
        let mut change = Change::default();
        for request in requests {
            let found = self.check(request, now).and_then(|()| self.earliest(request));
            match found {
                Ok(part) => {
                    let reserved = Reserved {
                        id: self.next + change.put.len() as u64,
                        name: name.to_owned(),
                        standing: Standing::Held(expires),
                        preemptible: false,
                        start: part.start,
                        end: part.end,
                        need: request.need,
                        hosts: part.hosts,
                    };
                    self.enter(reserved.clone());
                    change.put.push(reserved);
                }
                Err(error) => {
                    change.put.iter().for_each(|reserved| self.leave(reserved.id));
                    return Err(error);
                }
            }
        }
        let ids = change.put.iter().map(|reserved| reserved.id).collect();
        change.put.iter().for_each(|reserved| self.leave(reserved.id));
        self.make(change)?;
        Ok(ids)
    }

    /// Makes a hold a promise.
    ///
    /// # Errors
    ///
    /// The hold may be gone.
    pub fn commit(&mut self, id: u64, now: Instant) -> Result<(), PlanError> {
        self.commit_all(&[id], now)
    }

    /// Makes all of `ids` promises, or none.
    ///
    /// # Errors
    ///
    /// A hold may be gone; nothing is changed then.
    pub fn commit_all(&mut self, ids: &[u64], now: Instant) -> Result<(), PlanError> {
        self.expire(now)?;
        let mut change = Change::default();
        for &id in ids {
            let mut reserved = self.reservation(id)?.clone();
            if reserved.standing == Standing::Maintenance {
                return Err(PlanError::Senseless { wrong: "commits to maintenance" });
            }
            reserved.standing = Standing::Committed;
            change.put.push(reserved);
        }
        self.make(change)
    }

    /// Drops a reservation.
    ///
    /// # Errors
    ///
    /// There may be none of that number.
    pub fn cancel(&mut self, id: u64) -> Result<(), PlanError> {
        self.cancel_all(&[id])
    }

    /// Drops all of `ids`, or none.
    ///
    /// # Errors
    ///
    /// One of them may not be there; nothing is changed then.
    pub fn cancel_all(&mut self, ids: &[u64]) -> Result<(), PlanError> {
        for &id in ids {
            self.reservation(id)?;
        }
        self.make(Change { remove: ids.to_vec(), put: Vec::new() })
    }

    /// Drops the holds whose time is over at `now`.
    ///
    /// # Errors
    ///
    /// The file may refuse.
    pub fn expire(&mut self, now: Instant) -> Result<(), PlanError> {
        let over = self.holds.range(..=(now, u64::MAX));
        let remove: Vec<u64> = over.map(|&(_, id)| id).collect();
        if remove.is_empty() {
            return Ok(());
        }
        self.make(Change { remove, put: Vec::new() })
    }

    /// Whether a request makes sense at `now`.
    ///
    /// # Errors
    ///
    /// [`PlanError::Senseless`] says what is wrong with it.
    pub fn check(&self, request: &Request, now: Instant) -> Result<(), PlanError> {
        let fits = |has: &Need| request.need.iter().zip(has).all(|(need, has)| need <= has);
        let wrong = if request.nodes == 0 {
            "asks for no nodes"
        } else if request.duration.0 <= 0 {
            "lasts no time"
        } else if request.need.iter().any(|&amount| amount < 0) || request.need == Need::default() {
            "needs nothing, or less than nothing"
        } else if request.earliest < now {
            "starts in the past"
        } else if request.latest < request.earliest {
            "must start before it may"
        } else if request.earliest.0.checked_add(request.duration.0).is_none() {
            "never ends"
        } else if !self.site.hosts.iter().any(fits) {
            "needs more than any host has"
        } else {
            return Ok(());
        };
        Err(PlanError::Senseless { wrong })
    }

    /// Writes a change down, then makes it.
    fn make(&mut self, change: Change) -> Result<(), PlanError> {
        if let Some(journal) = &mut self.journal {
            journal.append(&change)?;
        }
        self.apply(change);
        Ok(())
    }

    fn apply(&mut self, change: Change) {
        for id in change.remove {
            self.leave(id);
        }
        for reserved in change.put {
            self.leave(reserved.id);
            self.next = self.next.max(reserved.id + 1);
            self.enter(reserved);
        }
    }

    fn enter(&mut self, reserved: Reserved) {
        let bookings = reserved.hosts.iter().map(|&host| {
            (host, self.free[host as usize].add(reserved.start, reserved.end, reserved.need))
        });
        let bookings = bookings.collect();
        if let Standing::Held(until) = reserved.standing {
            self.holds.insert((until, reserved.id));
        }
        self.during.insert(&reserved);
        self.entries.insert(reserved.id, Entry { reserved, bookings });
    }

    fn leave(&mut self, id: u64) {
        if let Some(entry) = self.entries.remove(&id) {
            if let Standing::Held(until) = entry.reserved.standing {
                self.holds.remove(&(until, id));
            }
            self.during.remove(&entry.reserved);
            for (host, booking) in entry.bookings {
                let Reserved { start, end, .. } = entry.reserved;
                self.free[host as usize].remove(booking, start, end);
            }
        }
    }
}
