//! Which VMs are on which host, and which steps from there are possible.
//!
//! ```text
//! off -wake-> waking -on-> on -sleep-> stopping -off-> off        stopping -wake-> waking
//! ```
//!
//! A step that takes no time has no row of its own: with `wake_s = 0` a host goes from off to on,
//! with `shutdown_s = 0` from on to off. At time 0 a host may simply be on.

use crate::model::HostRules;
use crate::model::rules::Memory;
use crate::time::{Instant, Span};

use super::Evidence;
use super::event::{Deed, Event};

/// How far the end of a waking or stopping may lie from its due time: one rounding.
const ROUNDING: i64 = 1;

/// A fault: its code and what is wrong.
pub(super) type Fault = (&'static str, String);

/// What a host is doing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum HostState {
    Off,
    /// Waking, on at the given time.
    Waking(Instant),
    On,
    /// Stopping, off at the given time.
    Stopping(Instant),
    Failed,
}

/// A VM in a host's list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Guest {
    pub vm: usize,
    /// Whether it is still being copied to this host.
    pub arriving: bool,
    /// Whether it runs elsewhere and only its pages are here.
    pub held: bool,
}

/// A copy in flight.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Flight {
    vm: usize,
    from: usize,
    to: usize,
    start: Instant,
}

/// Everything that actions change.
#[derive(Debug, Clone)]
pub(super) struct Layout<'a> {
    rules: &'a HostRules,
    kept_by_copies: f64,
    vacate_receivers: bool,
    /// Per host.
    pub state: Vec<HostState>,
    /// Per host, in order of arrival.
    pub guests: Vec<Vec<Guest>>,
    /// Per host: who boots there and does not run yet.
    pub boots: Vec<Vec<usize>>,
    /// Per VM: where it runs.
    pub home: Vec<Option<usize>>,
    /// Per VM: whether it is being copied away from there.
    pub departing: Vec<bool>,
    /// Per VM: the fraction of its speed that its migration leaves it.
    pub kept: Vec<f64>,
    /// Per VM: whether it is stopped.
    pub paused: Vec<bool>,
    /// Per VM: the host that failed under it, until it runs again.
    pub down: Vec<Option<usize>>,
    /// Per VM: whether it ever ran.
    pub started: Vec<bool>,
    /// Whether a VM that stopped may start again: its lease was suspended.
    pub restarts: bool,
    flights: Vec<Flight>,
}

impl<'a> Layout<'a> {
    /// Nothing runs, all hosts are off.
    pub fn empty(evidence: &'a Evidence) -> Self {
        let (hosts, vms) = (evidence.fleet.hosts(), evidence.fleet.vms());
        Self {
            rules: &evidence.rules.host,
            kept_by_copies: 1.0 - evidence.rules.migration.overhead,
            vacate_receivers: evidence.vacate_receivers,
            state: vec![HostState::Off; hosts],
            guests: vec![Vec::new(); hosts],
            boots: vec![Vec::new(); hosts],
            home: vec![None; vms],
            departing: vec![false; vms],
            kept: vec![1.0; vms],
            paused: vec![false; vms],
            down: vec![None; vms],
            started: vec![false; vms],
            restarts: evidence.tenancy.is_some(),
            flights: Vec::new(),
        }
    }

    /// Takes one step, or says why it is impossible and stays as it was.
    pub fn apply(&mut self, event: &Event) -> Result<(), Fault> {
        let at = event.at;
        let fault = match event.deed {
            Deed::Wake { host } => return host_fault(host, self.wake(host, at)),
            Deed::On { host } => return host_fault(host, self.turn_on(host, at)),
            Deed::Sleep { host } => return host_fault(host, self.sleep(host, at)),
            Deed::Off { host } => return host_fault(host, self.turn_off(host, at)),
            Deed::Fail { host } => return host_fault(host, self.fail(host)),
            Deed::Repair { host } => return host_fault(host, self.repair(host)),
            Deed::Fall { vm, from } => self.fall(vm, from),
            Deed::Start { vm, to } => self.start(vm, to),
            Deed::Stop { vm, from } => self.stop(vm, from),
            Deed::Depart { vm, from, to } => self.depart(Flight { vm, from, to, start: at }),
            Deed::Arrive { vm, from, to } => self.arrive(vm, from, to),
            Deed::Stay { vm, from } => self.at_home(vm, from),
            Deed::Switch { vm, from, to } => self.switch(vm, from, to),
            Deed::Abort { vm, from, to } => self.abort(vm, from, to),
            Deed::Crash { vm, from, to } => self.crash(vm, from, to),
            Deed::Restart { vm, to } => self.restart(vm, to),
            Deed::Boot { vm, to } => self.boot(vm, to),
            Deed::Booted { vm, from } => self.booted(vm, from),
            Deed::Pace { vm, pace } => {
                // A migration that ends as a stage of it begins leaves the VM as its end says.
                if let Some((speed, stopped)) = pace.filter(|_| self.is_copied(vm)) {
                    (self.kept[vm], self.paused[vm]) = (speed, stopped && self.departing[vm]);
                }
                Ok(())
            }
        };
        fault.map_err(|what| ("GLN-603", what))
    }

    fn boot(&mut self, vm: usize, host: usize) -> Result<(), String> {
        if self.state[host] != HostState::On || self.home[vm].is_some() {
            return Err(format!("v{vm} boots on h{host}, which is not on, or it runs"));
        }
        if self.boots.iter().flatten().any(|&other| other == vm) {
            return Err(format!("v{vm} boots twice"));
        }
        self.boots[host].push(vm);
        Ok(())
    }

    fn booted(&mut self, vm: usize, host: usize) -> Result<(), String> {
        let at = self.boots[host].iter().position(|&other| other == vm);
        let at = at.ok_or_else(|| format!("v{vm} does not boot on h{host}"))?;
        self.boots[host].remove(at);
        Ok(())
    }

    /// Where `vm` is now, in words.
    fn whereabouts(&self, vm: usize) -> String {
        self.home[vm].map_or("nowhere".into(), |host| format!("on h{host}"))
    }

    fn at_home(&self, vm: usize, from: usize) -> Result<(), String> {
        let error = || format!("v{vm} is {}, not on h{from}", self.whereabouts(vm));
        (self.home[vm] == Some(from)).then_some(()).ok_or_else(error)
    }

    fn is_copied(&self, vm: usize) -> bool {
        self.flights.iter().any(|flight| flight.vm == vm)
    }

    fn welcome(&self, vm: usize, to: usize) -> Result<(), String> {
        let error = || format!("v{vm} goes to h{to}, which is {}", self.state[to].word());
        (self.state[to] == HostState::On).then_some(()).ok_or_else(error)
    }

    fn start(&mut self, vm: usize, to: usize) -> Result<(), String> {
        if self.started[vm] && !(self.restarts && self.home[vm].is_none()) {
            return Err(format!("v{vm} starts a second time, it is {}", self.whereabouts(vm)));
        }
        self.welcome(vm, to)?;
        self.started[vm] = true;
        self.home[vm] = Some(to);
        self.guests[to].push(Guest { vm, arriving: false, held: false });
        Ok(())
    }

    fn stop(&mut self, vm: usize, from: usize) -> Result<(), String> {
        if self.down[vm].take_if(|host| *host == from).is_some() {
            return Ok(());
        }
        self.at_home(vm, from)?;
        if self.is_copied(vm) {
            return Err(format!("v{vm} stops while it is copied"));
        }
        self.guests[from].retain(|g| g.vm != vm);
        self.home[vm] = None;
        Ok(())
    }

    fn depart(&mut self, flight: Flight) -> Result<(), String> {
        let Flight { vm, from, to, start } = flight;
        self.at_home(vm, from)?;
        self.welcome(vm, to)?;
        if from == to {
            return Err(format!("v{vm} migrates from h{from} to the same host"));
        }
        let others: Vec<&Flight> = self.flights.iter().filter(|f| f.vm == vm).collect();
        let double = |f: &Flight| f.start == start && f.from == from && f.to != to;
        match others.as_slice() {
            [] => {}
            [only] if self.vacate_receivers && double(only) => {}
            [only, ..] => {
                return Err(format!("v{vm} is already being copied to h{}", only.to));
            }
        }
        self.flights.push(flight);
        self.departing[vm] = true;
        self.kept[vm] = self.kept_by_copies;
        self.guests[to].push(Guest { vm, arriving: true, held: false });
        Ok(())
    }

    /// The VM leaves wherever it is: of two copies (Q9) the later one moves it on, and its row may
    /// name the host that was copied from or the one that the VM leaves.
    fn arrive(&mut self, vm: usize, from: usize, to: usize) -> Result<(), String> {
        let leaves = self.home[vm] == Some(from);
        let same = |f: &Flight| (f.vm, f.to) == (vm, to) && (leaves || f.from == from);
        let Some(index) = self.flights.iter().position(same) else {
            return Err(format!("no copy of v{vm} from h{from} to h{to} is under way"));
        };
        self.flights.remove(index);
        if let Some(home) = self.home[vm] {
            self.guests[home].retain(|g| g.vm != vm);
        }
        self.guests[to].retain(|g| g.vm != vm);
        self.guests[to].push(Guest { vm, arriving: false, held: false });
        self.guests[from].retain(|g| g.vm != vm);
        self.home[vm] = Some(to);
        (self.departing[vm], self.paused[vm]) = (false, false);
        Ok(())
    }

    /// The flight of `vm` from where it is to `to`.
    fn flight(&self, vm: usize, from: usize, to: usize) -> Result<usize, String> {
        self.at_home(vm, from)?;
        let same = |f: &Flight| (f.vm, f.from, f.to) == (vm, from, to);
        let error = || format!("no copy of v{vm} from h{from} to h{to} is under way");
        self.flights.iter().position(same).ok_or_else(error)
    }

    /// The VM runs at its destination, and its pages follow.
    fn switch(&mut self, vm: usize, from: usize, to: usize) -> Result<(), String> {
        self.flight(vm, from, to)?;
        let mine = |guest: &&mut Guest| guest.vm == vm;
        self.guests[from].iter_mut().filter(mine).for_each(|guest| guest.held = true);
        self.guests[to].iter_mut().filter(mine).for_each(|guest| guest.arriving = false);
        self.home[vm] = Some(to);
        self.paused[vm] = false;
        Ok(())
    }

    /// The VM is stopped where it last ran, and nothing of it is elsewhere.
    fn crash(&mut self, vm: usize, from: usize, to: usize) -> Result<(), String> {
        let same = |f: &Flight| (f.vm, f.from, f.to) == (vm, from, to);
        let Some(flight) = self.flights.iter().position(same) else {
            return Err(format!("no copy of v{vm} from h{from} to h{to} is under way"));
        };
        self.flights.remove(flight);
        let other = if self.home[vm] == Some(to) { from } else { to };
        self.guests[other].retain(|g| g.vm != vm);
        (self.departing[vm], self.paused[vm]) = (true, true);
        Ok(())
    }

    fn restart(&mut self, vm: usize, to: usize) -> Result<(), String> {
        if self.down[vm].is_some() {
            self.welcome(vm, to)?;
            self.down[vm] = None;
            self.home[vm] = Some(to);
            self.guests[to].push(Guest { vm, arriving: false, held: false });
            return Ok(());
        }
        self.at_home(vm, to)?;
        if !self.paused[vm] || self.is_copied(vm) {
            return Err(format!("v{vm} starts again, but it has not crashed"));
        }
        (self.departing[vm], self.paused[vm]) = (false, false);
        Ok(())
    }

    /// The VM is down: its host has failed, and no copy of it is under way.
    fn fall(&mut self, vm: usize, from: usize) -> Result<(), String> {
        self.at_home(vm, from)?;
        if self.state[from] != HostState::Failed || self.is_copied(vm) {
            return Err(format!("v{vm} is down, but h{from} is {}", self.state[from].word()));
        }
        self.guests[from].retain(|g| g.vm != vm);
        self.home[vm] = None;
        self.down[vm] = Some(from);
        (self.departing[vm], self.paused[vm]) = (false, false);
        Ok(())
    }

    /// Whatever the host does, it does no more; its guests are to be dealt with at once.
    fn fail(&mut self, host: usize) -> Result<(), String> {
        let fault = || Err("it fails a second time".into());
        match std::mem::replace(&mut self.state[host], HostState::Failed) {
            HostState::Failed => fault(),
            _ => Ok(()),
        }
    }

    fn repair(&mut self, host: usize) -> Result<(), String> {
        self.vacant(host)?;
        if self.state[host] != HostState::Failed {
            return Err(format!("it is repaired, but it was {}", self.state[host].word()));
        }
        self.state[host] = HostState::Off;
        Ok(())
    }

    /// The VM stays where it is.
    fn abort(&mut self, vm: usize, from: usize, to: usize) -> Result<(), String> {
        let flight = self.flight(vm, from, to)?;
        self.flights.remove(flight);
        self.guests[to].retain(|g| g.vm != vm);
        (self.departing[vm], self.paused[vm]) = (false, false);
        Ok(())
    }

    fn wake(&mut self, host: usize, at: Instant) -> Result<(), String> {
        match self.state[host] {
            HostState::Off | HostState::Stopping(_) if self.rules.wake_s > 0.0 => {
                self.state[host] = HostState::Waking(at + Span::from_seconds(self.rules.wake_s));
                Ok(())
            }
            HostState::Off | HostState::Stopping(_) => Err("waking takes no time here".into()),
            state => Err(format!("it is asked to wake while it is {}", state.word())),
        }
    }

    fn turn_on(&mut self, host: usize, at: Instant) -> Result<(), String> {
        match self.state[host] {
            HostState::Off if self.rules.wake_s == 0.0 || at == Instant::START => {}
            HostState::Waking(due) if (at.0 - due.0).abs() <= ROUNDING => {}
            HostState::Waking(due) => return Err(format!("it is on, expected at {due}")),
            state => return Err(format!("it is on, but it was {}", state.word())),
        }
        self.state[host] = HostState::On;
        Ok(())
    }

    fn sleep(&mut self, host: usize, at: Instant) -> Result<(), String> {
        self.vacant(host)?;
        match self.state[host] {
            HostState::On if self.rules.shutdown_s > 0.0 => {
                let due = at + Span::from_seconds(self.rules.shutdown_s);
                self.state[host] = HostState::Stopping(due);
                Ok(())
            }
            HostState::On => Err("shutting down takes no time here".into()),
            state => Err(format!("it is asked to sleep while it is {}", state.word())),
        }
    }

    fn turn_off(&mut self, host: usize, at: Instant) -> Result<(), String> {
        self.vacant(host)?;
        match self.state[host] {
            HostState::On if self.rules.shutdown_s == 0.0 => {}
            HostState::Stopping(due) if (at.0 - due.0).abs() <= ROUNDING => {}
            HostState::Stopping(due) => return Err(format!("it is off, expected at {due}")),
            state => return Err(format!("it is off, but it was {}", state.word())),
        }
        self.state[host] = HostState::Off;
        Ok(())
    }

    fn vacant(&self, host: usize) -> Result<(), String> {
        match self.guests[host].first() {
            None => Ok(()),
            Some(Guest { vm, held: true, .. }) => Err(format!("pages of v{vm} are still on it")),
            Some(Guest { vm, arriving: false, .. }) => Err(format!("v{vm} still runs on it")),
            Some(Guest { vm, arriving: true, .. }) => Err(format!("v{vm} is being copied to it")),
        }
    }

    /// Whether running VMs need memory too.
    pub fn memory_enforced(&self) -> bool {
        self.rules.memory == Memory::Enforced
    }
}

impl HostState {
    /// The state in words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Waking(_) => "waking",
            Self::On => "on",
            Self::Stopping(_) => "shutting down",
            Self::Failed => "out of order",
        }
    }
    /// When it must have left this state, if it must.
    pub fn due(self) -> Option<Instant> {
        match self {
            Self::Waking(due) | Self::Stopping(due) => Some(due),
            Self::Off | Self::On | Self::Failed => None,
        }
    }
}

fn host_fault(host: usize, outcome: Result<(), String>) -> Result<(), Fault> {
    outcome.map_err(|what| ("GLN-604", format!("host h{host}: {what}")))
}
