//! Every state that a few migrations on a few hosts can reach, with failures at every stage.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;

fn explore(start: Transaction) -> BTreeSet<Transaction> {
    let (mut seen, mut queue) = (BTreeSet::from([start]), VecDeque::from([start]));
    while let Some(state) = queue.pop_front() {
        for next in EVENTS.iter().filter_map(|&event| state.after(event).ok()) {
            if seen.insert(next) {
                queue.push_back(next);
            }
        }
    }
    seen
}

fn holds(t: &Transaction) -> (bool, bool, bool) {
    (t.holds_source, t.holds_destination, t.holds_network)
}

#[test]
fn one_copy_is_the_vm_at_every_instant_unless_it_is_lost() {
    for post_copy in [false, true] {
        let states = explore(Transaction::new(post_copy));
        assert!(states.len() >= 9, "{} states", states.len());
        for state in states {
            let able = [state.source, state.destination]
                .into_iter()
                .filter(|replica| matches!(replica, Replica::Paused | Replica::Running))
                .count();
            let lost = state.stage == Stage::Ended(Ending::Lost);
            assert_eq!(able, usize::from(!lost), "{state:?}");
        }
    }
}

#[test]
fn what_is_held_follows_from_the_stage_alone() {
    for post_copy in [false, true] {
        for state in explore(Transaction::new(post_copy)) {
            let expected = match state.stage {
                Stage::PreMigration | Stage::Ended(Ending::RolledBack) => (true, false, false),
                Stage::Reservation | Stage::PreCopy | Stage::StopAndCopy | Stage::Commitment => {
                    (true, true, true)
                }
                Stage::Activation => (post_copy, true, true),
                Stage::Push => (true, true, true),
                Stage::Ended(Ending::Moved) => (false, true, false),
                Stage::Ended(Ending::Lost) => (false, false, false),
            };
            assert_eq!(holds(&state), expected, "{state:?}");
        }
    }
}

fn at(post_copy: bool, events: &[Event]) -> Transaction {
    let start = Transaction::new(post_copy);
    events.iter().fold(start, |t, &event| t.after(event).expect("it is the planned course"))
}

const COURSE: [Event; 6] = [
    Event::Reserved,
    Event::Began,
    Event::Stopped,
    Event::Arrived,
    Event::Confirmed,
    Event::Resumed,
];

/// The table of the story, row by row: what a failure of destination, source and link and a
/// cancellation make of the transaction after so many events of its course.
#[test]
fn failures_end_as_the_table_says() {
    use Ending::{Lost, RolledBack};
    let events =
        [Event::DestinationFailed, Event::SourceFailed, Event::LinkFailed, Event::Cancelled];
    let goes_on = None;
    let table = |post_copy: bool, done: usize| {
        events.map(|event| match at(post_copy, &COURSE[..done]).after(event) {
            Ok(Transaction { stage: Stage::Ended(ending), .. }) => Some(ending),
            _ => goes_on,
        })
    };
    for done in 0..=2 {
        for post_copy in [false, true] {
            let back = Some(RolledBack);
            assert_eq!(table(post_copy, done), [back, Some(Lost), back, back], "{done}");
        }
    }
    for done in 3..=4 {
        let back = Some(RolledBack);
        assert_eq!(table(false, done), [back, Some(Lost), back, back], "{done}");
        assert_eq!(table(true, done), [Some(Lost), Some(Lost), Some(Lost), goes_on], "{done}");
    }
    assert_eq!(table(false, 5), [Some(Lost), goes_on, goes_on, goes_on]);
    for done in 5..=6 {
        assert_eq!(table(true, done), [Some(Lost), Some(Lost), Some(Lost), goes_on]);
    }
}

#[test]
fn every_state_can_end_and_wasted_bytes_are_counted() {
    for post_copy in [false, true] {
        for state in explore(Transaction::new(post_copy)) {
            let over = |s: &Transaction| matches!(s.stage, Stage::Ended(_));
            assert!(over(&state) || explore(state).iter().any(over), "{state:?}");
        }
    }
    let mut copying = at(false, &COURSE[..2]);
    copying.sent(700);
    assert_eq!(copying.wasted(), 0);
    let undone = copying.after(Event::LinkFailed).expect("links fail");
    assert_eq!((undone.wasted(), undone.source), (700, Replica::Running));
    let error = undone.after(Event::Began).unwrap_err();
    assert_eq!((error.event, error.stage), (Event::Began, Stage::Ended(Ending::RolledBack)));
}

/// Two VMs of one unit on three hosts of two units, with one token per link direction: every order
/// of starts, events and failures of hosts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct World {
    /// Host of each VM, none when it was lost.
    home: [Option<usize>; 2],
    moves: [Option<(usize, Transaction)>; 2],
    alive: [bool; 3],
    /// Units taken by reservations and VMs: kept in step, not derived.
    taken: [i32; 3],
    tokens: [i32; 3],
}

const ROOM: i32 = 1;
const TOKENS: i32 = 1;

impl World {
    fn new() -> Self {
        let home = [Some(0), Some(1)];
        Self { home, moves: [None; 2], alive: [true; 3], taken: [1, 1, 0], tokens: [TOKENS; 3] }
    }

    fn apply(&mut self, vm: usize, event: Event) {
        let (to, before) = self.moves[vm].expect("it is under way");
        let from = self.home[vm].expect("it is somewhere");
        let after = before.after(event).expect("only possible events are tried");
        let change = |now: bool, then: bool| i32::from(now) - i32::from(then);
        self.taken[from] += change(after.holds_source, before.holds_source);
        self.taken[to] += change(after.holds_destination, before.holds_destination);
        self.tokens[from] -= change(after.holds_network, before.holds_network);
        self.moves[vm] = Some((to, after));
        if let Stage::Ended(ending) = after.stage {
            self.moves[vm] = None;
            match ending {
                Ending::Moved => self.home[vm] = Some(to),
                Ending::Lost => self.home[vm] = None,
                Ending::RolledBack => {}
            }
        }
    }

    fn next(&self) -> Vec<Self> {
        let mut found = Vec::new();
        for vm in 0..2 {
            match self.moves[vm] {
                None => found.extend(self.starts(vm)),
                Some((to, state)) => {
                    let from = self.home[vm].expect("it is somewhere");
                    let room = self.taken[to] < ROOM && self.tokens[from] > 0;
                    let failures = [Event::SourceFailed, Event::DestinationFailed];
                    let allowed = EVENTS.iter().filter(|&&event| {
                        !failures.contains(&event)
                            && (event != Event::Reserved || room)
                            && state.after(event).is_ok()
                    });
                    found.extend(allowed.map(|&event| {
                        let mut world = self.clone();
                        world.apply(vm, event);
                        world
                    }));
                }
            }
        }
        found.extend((0..3).filter(|&host| self.alive[host]).map(|host| self.failed(host)));
        found
    }

    fn starts(&self, vm: usize) -> Vec<Self> {
        let Some(from) = self.home[vm] else { return Vec::new() };
        let targets = (0..3).filter(|&to| to != from && self.alive[to] && self.alive[from]);
        let pairs = targets.flat_map(|to| [(to, false), (to, true)]);
        pairs
            .map(|(to, post_copy)| {
                let mut world = self.clone();
                world.moves[vm] = Some((to, Transaction::new(post_copy)));
                world
            })
            .collect()
    }

    /// Host `host` dies: its VMs that do not move are lost, the others follow their transaction.
    fn failed(&self, host: usize) -> Self {
        let mut world = self.clone();
        world.alive[host] = false;
        for vm in 0..2 {
            match world.moves[vm] {
                Some((to, _)) if to == host => world.apply(vm, Event::DestinationFailed),
                Some(_) if world.home[vm] == Some(host) => world.apply(vm, Event::SourceFailed),
                None if world.home[vm] == Some(host) => {
                    world.home[vm] = None;
                    world.taken[host] -= 1;
                }
                _ => {}
            }
        }
        world
    }
}

#[test]
fn counters_of_hosts_and_tokens_are_exact_in_every_reachable_world() {
    let mut seen = BTreeSet::from([World::new()]);
    let mut queue = VecDeque::from([World::new()]);
    while let Some(world) = queue.pop_front() {
        for next in world.next() {
            if seen.insert(next.clone()) {
                queue.push_back(next);
            }
        }
    }
    assert!(seen.len() > 1000, "only {} worlds", seen.len());
    let mut endings: BTreeMap<[Option<usize>; 2], usize> = BTreeMap::new();
    for world in &seen {
        let mut taken = [0; 3];
        let mut used = [0; 3];
        for vm in 0..2 {
            let Some(from) = world.home[vm] else { continue };
            match world.moves[vm] {
                None => taken[from] += 1,
                Some((to, state)) => {
                    taken[from] += i32::from(state.holds_source);
                    taken[to] += i32::from(state.holds_destination);
                    used[from] += i32::from(state.holds_network);
                }
            }
        }
        assert_eq!(world.taken, taken, "{world:?}");
        assert_eq!(world.tokens, used.map(|used| TOKENS - used), "{world:?}");
        assert!(taken.iter().all(|&taken| taken <= ROOM), "{world:?}");
        if world.moves == [None; 2] {
            *endings.entry(world.home).or_default() += 1;
        }
    }
    // They can change places over the third host; or everything can be lost.
    for ending in [[Some(1), Some(0)], [Some(0), Some(1)], [None, None]] {
        assert!(endings.contains_key(&ending), "{ending:?} is never reached");
    }
}
