//! What is to be moved, over what: the question that every migration model answers.

use super::dirty::Dirty;
use super::features::Features;
use super::{Constants, PAGE};
use crate::problem::Problem;
use crate::units::{Bytes, BytesPerSecond};

/// Memory of the VM that moves.
#[derive(Debug, Clone)]
pub struct Memory {
    /// All pages, zero ones included.
    pub pages: f64,
    /// Pages that are not zero at the start.
    pub nonzero: f64,
    /// Pages it writes over time.
    pub dirty: Dirty,
}

/// Over what it moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Channel {
    /// What the network gives, infinite where it is not the bottleneck.
    pub link: BytesPerSecond,
    /// The hypervisor's `max-bandwidth`: enforced in bursts, lifted for the stop.
    pub limit: Option<BytesPerSecond>,
    /// Another limit from that many seconds after the start on.
    pub change: Option<(f64, BytesPerSecond)>,
}

/// One migration.
#[derive(Debug, Clone)]
pub struct Task {
    /// The VM's memory.
    pub memory: Memory,
    /// The way it takes.
    pub channel: Channel,
    /// The hypervisor stops the VM as soon as it expects less than this many seconds.
    pub downtime_limit_s: f64,
    /// A migration that takes longer is given up; infinite for never.
    pub give_up_s: f64,
    /// Rounds of a hybrid migration before it switches to post-copy.
    pub hybrid_rounds: u32,
    /// Options of the hypervisor.
    pub features: Features,
}

/// A task, and the constants of the machines that carry it out.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// What is asked for.
    pub task: &'a Task,
    /// Who carries it out.
    pub constants: &'a Constants,
}

/// A constant pace of a copy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Bytes per second in the long run.
    pub rate: f64,
    /// Bytes per second inside the window of a rate limit, where there is one.
    pub burst: Option<f64>,
}

impl Pace {
    /// Bytes per second while the VM is stopped: the limit is lifted.
    pub fn stopped(self) -> f64 {
        self.burst.unwrap_or(self.rate)
    }
}

impl Memory {
    /// `ram` of which `used` is not zero.
    pub fn of(ram: Bytes, used: Bytes, dirty: Dirty) -> Self {
        Self { pages: ram.0 as f64 / PAGE, nonzero: used.0 as f64 / PAGE, dirty }
    }
}

impl Channel {
    /// A smooth link.
    pub fn link(rate: BytesPerSecond) -> Self {
        Self { link: rate, limit: None, change: None }
    }

    /// A rate limit of the hypervisor on a network that is faster.
    pub fn limit(rate: BytesPerSecond) -> Self {
        Self { link: BytesPerSecond(f64::INFINITY), limit: Some(rate), change: None }
    }

    /// The nominal bandwidth: what a simple model divides by.
    pub fn nominal(&self) -> f64 {
        self.limit.map_or(self.link.0, |limit| limit.0.min(self.link.0))
    }

    /// Pace at the start, and, after a change of the limit, from when on which.
    pub fn paces(&self, constants: &Constants) -> (Pace, Option<(f64, Pace)>) {
        let link = constants.link_efficiency * self.link.0;
        let pace = |limit: Option<BytesPerSecond>| {
            let limited = limit.map(|limit| constants.limit_efficiency * limit.0);
            match limited.filter(|&limited| limited < link) {
                Some(rate) => Pace { rate, burst: Some(constants.burst_rate.min(link)) },
                None => Pace { rate: link, burst: None },
            }
        };
        let change = self.change.map(|(at, limit)| (at, pace(Some(limit))));
        (pace(self.limit), change)
    }
}

impl Task {
    /// A migration over `channel` with QEMU's default downtime limit, 300 ms, and no features.
    pub fn new(memory: Memory, channel: Channel) -> Self {
        Self {
            memory,
            channel,
            downtime_limit_s: 0.3,
            give_up_s: f64::INFINITY,
            hybrid_rounds: 1,
            features: Features::default(),
        }
    }

    /// Everything that is wrong with it; problems name `place`.
    ///
    /// GLN-311 for a value out of range, GLN-312 for more used memory than there is, GLN-313 for a
    /// dirty-page function that falls.
    pub fn problems(&self, place: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut positive = |name: &str, value: f64, unit: &str, infinite: bool| {
            if !(value > 0.0 && (infinite || value.is_finite())) {
                let what = format!("found {value} {unit}, expected a number above 0");
                let place = format!("{place}, {name}");
                problems.push(Problem::new("GLN-311", place, what, "Write a positive number"));
            }
        };
        positive("memory", self.memory.pages * PAGE, "B", false);
        positive("bandwidth", self.channel.nominal(), "B/s", false);
        if let Some((_, limit)) = self.channel.change {
            positive("changed bandwidth", limit.0, "B/s", false);
        }
        positive("downtime limit", self.downtime_limit_s, "s", false);
        positive("give-up time", self.give_up_s, "s", true);
        if !(0.0..=self.memory.pages).contains(&self.memory.nonzero) {
            let [used, ram] = [self.memory.nonzero, self.memory.pages].map(|pages| pages * PAGE);
            let what = format!("found {used:.0} B of used memory in a VM of {ram:.0} B");
            let remedy = "Give at most the memory of the VM";
            problems.push(Problem::new("GLN-312", format!("{place}, used memory"), what, remedy));
        }
        if let Some((at, before, there)) = self.memory.dirty.first_fall() {
            let what = format!("dirty pages fall from {before} to {there} at {at:.3} s");
            let remedy = "Count distinct pages since the start: that number never falls";
            problems.push(Problem::new("GLN-313", format!("{place}, dirty"), what, remedy));
        }
        problems.extend(self.features.problems(place));
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_of_a_task_are_told_at_once() {
        let memory = Memory { pages: 10.0, nonzero: 11.0, dirty: Dirty::Idle };
        let mut task = Task::new(memory, Channel::link(BytesPerSecond(-1.0)));
        task.downtime_limit_s = f64::NAN;
        let problems = task.problems("vm 7");
        let codes: Vec<&str> = problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, ["GLN-311", "GLN-311", "GLN-312"]);
        assert!(
            problems[0].to_string().starts_with("GLN-311 vm 7, bandwidth: found -1 B/s, expected")
        );
    }

    /// A limit counts only where the link is not tighter; bursts never exceed the link.
    #[test]
    fn the_tighter_of_link_and_limit_sets_the_pace() {
        let constants = Constants { burst_rate: 500.0, ..Constants::ideal() };
        let channel = |link, limit| Channel {
            link: BytesPerSecond(link),
            limit: Some(BytesPerSecond(limit)),
            change: None,
        };
        let pace = |link, limit| channel(link, limit).paces(&constants).0;
        assert_eq!(pace(100.0, 200.0), Pace { rate: 100.0, burst: None });
        assert_eq!(pace(300.0, 200.0), Pace { rate: 200.0, burst: Some(300.0) });
        assert_eq!(pace(900.0, 200.0).stopped(), 500.0);
    }
}
