//! A migration as a transaction: which copy of the VM is the VM, and what is held where.
//!
//! | stage | what holds | when it fails or is cancelled |
//! |---|---|---|
//! | pre-migration | the VM on its source | nothing to undo |
//! | reservation | room, bandwidth and tokens as well | they are given back |
//! | pre-copy | both hosts busy, the VM runs | the source runs on; bytes are wasted |
//! | stop-and-copy | the VM is paused | the source resumes |
//! | commitment | the destination has everything | before it is confirmed, the source resumes |
//! | activation | the source's copy is gone | the VM is lost and has to be started again |
//! | push (post-copy) | the VM runs without all its pages | the VM is lost |
//!
//! Post-copy moves the point of no return from the confirmation to the stop. The machine is pure:
//! an event goes in, the next state comes out. It is verified exhaustively, with failures of either
//! host and of the link at every stage.
//!
//! Source: Clark et al., NSDI 2005, sect. 3.2 (stages 0 to 5); Hines, Deshpande and Gopalan, 2009
//! (post-copy).

use serde::Serialize;

/// Where a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// 0: the target is chosen.
    PreMigration,
    /// 1: resources are held on the target.
    Reservation,
    /// 2: memory is copied while the VM runs.
    PreCopy,
    /// 3: the VM is paused and the rest is copied.
    StopAndCopy,
    /// 4: the destination has everything and waits to be confirmed.
    Commitment,
    /// 5: the destination resumes the VM.
    Activation,
    /// Post-copy: the VM runs at the destination and its pages follow.
    Push,
    /// Over.
    Ended(Ending),
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The VM runs at the destination.
    Moved,
    /// The VM runs at the source as before.
    RolledBack,
    /// The VM has crashed; a restart policy takes over.
    Lost,
}

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Room, bandwidth and tokens were there and are held now.
    Reserved,
    /// They were not there.
    Refused,
    /// The first bytes go out.
    Began,
    /// The stop rule fired: the VM is paused.
    Stopped,
    /// Everything that the destination needs to run the VM is there.
    Arrived,
    /// The source confirms and discards its copy.
    Confirmed,
    /// The VM runs at the destination.
    Resumed,
    /// Post-copy: the last page is there.
    Complete,
    /// Somebody wants it undone.
    Cancelled,
    /// The source is dead.
    SourceFailed,
    /// The destination is dead.
    DestinationFailed,
    /// They cannot reach each other.
    LinkFailed,
}

/// Every event, for those who try them all.
pub const EVENTS: [Event; 12] = [
    Event::Reserved,
    Event::Refused,
    Event::Began,
    Event::Stopped,
    Event::Arrived,
    Event::Confirmed,
    Event::Resumed,
    Event::Complete,
    Event::Cancelled,
    Event::SourceFailed,
    Event::DestinationFailed,
    Event::LinkFailed,
];

/// State of a copy of the VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replica {
    /// There is none.
    None,
    /// Memory arrives; it cannot run.
    Incoming,
    /// It could run and does not.
    Paused,
    /// It runs.
    Running,
}

/// One migration under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Transaction {
    /// Where it is.
    pub stage: Stage,
    /// Whether pages follow after the VM has moved.
    pub post_copy: bool,
    /// The copy at the source.
    pub source: Replica,
    /// The copy at the destination.
    pub destination: Replica,
    /// Whether the VM's resources are held at the source.
    pub holds_source: bool,
    /// Whether the VM's resources are held at the destination.
    pub holds_destination: bool,
    /// Whether bandwidth and tokens are held.
    pub holds_network: bool,
    /// Bytes sent so far; wasted where it does not end as [`Ending::Moved`].
    pub bytes: u64,
}

/// An event that the stage does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a migration in stage {stage:?} knows no event {event:?}")]
pub struct Impossible {
    /// Where it is.
    pub stage: Stage,
    /// What was to happen.
    pub event: Event,
}

impl Transaction {
    /// A VM that runs at its source.
    pub fn new(post_copy: bool) -> Self {
        Self {
            stage: Stage::PreMigration,
            post_copy,
            source: Replica::Running,
            destination: Replica::None,
            holds_source: true,
            holds_destination: false,
            holds_network: false,
            bytes: 0,
        }
    }

    /// Counts bytes that were sent.
    pub fn sent(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Bytes sent for nothing.
    pub fn wasted(&self) -> u64 {
        match self.stage {
            Stage::Ended(Ending::RolledBack | Ending::Lost) => self.bytes,
            _ => 0,
        }
    }

    /// Whether it can still be undone.
    pub fn can_roll_back(&self) -> bool {
        match self.stage {
            Stage::PreMigration | Stage::Reservation | Stage::PreCopy => true,
            Stage::StopAndCopy | Stage::Commitment => !self.post_copy,
            Stage::Activation | Stage::Push | Stage::Ended(_) => false,
        }
    }

    /// The state after `event`.
    ///
    /// # Errors
    ///
    /// An event that cannot happen at this stage.
    pub fn after(mut self, event: Event) -> Result<Self, Impossible> {
        let impossible = Impossible { stage: self.stage, event };
        if matches!(self.stage, Stage::Ended(_)) {
            return Err(impossible);
        }
        match event {
            Event::Cancelled if self.can_roll_back() => self.roll_back(),
            // Too late: it goes on.
            Event::Cancelled => {}
            Event::SourceFailed => self.source_failed(),
            Event::DestinationFailed => self.destination_failed(),
            Event::LinkFailed => self.link_failed(),
            _ => self.step(event).ok_or(impossible)?,
        }
        Ok(self)
    }

    /// An event of the course that was planned.
    fn step(&mut self, event: Event) -> Option<()> {
        self.stage = match (self.stage, event) {
            (Stage::PreMigration, Event::Reserved) => {
                (self.holds_destination, self.holds_network) = (true, true);
                Stage::Reservation
            }
            (Stage::PreMigration, Event::Refused) => Stage::Ended(Ending::RolledBack),
            (Stage::Reservation, Event::Began) => {
                self.destination = Replica::Incoming;
                Stage::PreCopy
            }
            (Stage::PreCopy, Event::Stopped) => {
                self.source = Replica::Paused;
                Stage::StopAndCopy
            }
            (Stage::StopAndCopy, Event::Arrived) => Stage::Commitment,
            (Stage::Commitment, Event::Confirmed) => {
                // Post-copy keeps the pages at the source until the last one has gone.
                self.source = Replica::None;
                self.destination = Replica::Paused;
                self.holds_source = self.post_copy;
                Stage::Activation
            }
            (Stage::Activation, Event::Resumed) => {
                self.destination = Replica::Running;
                if self.post_copy { Stage::Push } else { self.moved() }
            }
            (Stage::Push, Event::Complete) => self.moved(),
            _ => return None,
        };
        Some(())
    }

    fn moved(&mut self) -> Stage {
        (self.holds_source, self.holds_network) = (false, false);
        Stage::Ended(Ending::Moved)
    }

    fn roll_back(&mut self) {
        (self.source, self.destination) = (Replica::Running, Replica::None);
        (self.holds_destination, self.holds_network) = (false, false);
        self.stage = Stage::Ended(Ending::RolledBack);
    }

    fn lose(&mut self) {
        (self.source, self.destination) = (Replica::None, Replica::None);
        (self.holds_source, self.holds_destination, self.holds_network) = (false, false, false);
        self.stage = Stage::Ended(Ending::Lost);
    }

    /// Once the source has confirmed, it is needed only for pages that are still to follow. Before,
    /// the destination cannot tell a dead source from a broken link, so it does not start the VM.
    fn source_failed(&mut self) {
        let needed = self.stage != Stage::Activation || self.post_copy;
        if needed {
            self.lose();
        }
    }

    fn destination_failed(&mut self) {
        if self.can_roll_back() { self.roll_back() } else { self.lose() }
    }

    /// After the confirmation all that is needed is there, unless pages are still to follow.
    fn link_failed(&mut self) {
        if self.can_roll_back() {
            self.roll_back();
        } else if self.post_copy {
            self.lose();
        }
    }
}

#[cfg(test)]
#[path = "transaction_tests.rs"]
mod tests;
