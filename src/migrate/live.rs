//! Pre-copy and hybrid, carried out leg by leg by the hypervisor's own rule.
//!
//! The rounds are those of [`Rounds`]: what a leg leaves dirty depends on how long it took, and
//! when it stops on the rate of the moment. So a migration whose links fill up takes more rounds,
//! and one that is left alone stops earlier. A rate limit of the hypervisor caps the rate and does
//! not burst. Alone on smooth links this is [`PreCopy`](super::PreCopy) to the last digit.

use std::sync::Arc;

use super::foresight::Foresight;
use super::post_copy::PostCopy;
use super::program::{Leg, Next, Passed, Program, UnderWay};
use super::rounds::{Pass, Rounds, Step};
use super::task::{Order, Pace, Task};
use super::{Constants, Convergence, StageKind};
use crate::policy::PolicyError;

/// A pre-copy migration under way.
#[derive(Debug)]
pub struct Live {
    task: Task,
    constants: Arc<Constants>,
    /// Rounds after which the VM moves and its pages follow.
    post_copy: Option<PostCopy>,
    rounds: Option<Rounds>,
    /// What comes next whatever the rate: the end.
    ending: Ending,
    foresight: Foresight,
}

/// How far the end is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ending {
    /// The rounds go on.
    Rounds,
    /// The rest is being sent.
    Stopped,
    /// The VM stops and moves; then this many bytes follow it.
    Moved(f64),
    /// They follow, or the VM resumes.
    Last,
}

impl Live {
    /// `task`, by pre-copy alone or, with `post_copy`, by hybrid.
    pub fn new(task: &Task, constants: &Arc<Constants>, post_copy: Option<PostCopy>) -> Self {
        let (task, constants) = (task.clone(), Arc::clone(constants));
        let (ending, foresight) = (Ending::Rounds, Foresight::default());
        Self { task, constants, post_copy, rounds: None, ending, foresight }
    }

    fn order(&self) -> Order<'_> {
        Order { task: &self.task, constants: &self.constants }
    }

    fn leg(&self, pass: Pass, speed: f64) -> Leg {
        let Pass { kind, bytes, extra_s, least_s } = pass;
        let speed = if kind == StageKind::Stop { 0.0 } else { speed };
        let speed = speed * (1.0 - self.constants.logging_slowdown);
        let efficiency = self.constants.link_efficiency;
        Leg { bytes, efficiency, least_s, ..Leg::pause(kind, extra_s, speed) }
    }

    fn first(&mut self, pace: Pace) -> Leg {
        let (rounds, pass) = Rounds::begin(self.order(), pace);
        self.rounds = Some(rounds);
        self.leg(pass, 1.0)
    }

    /// What follows a round.
    fn after_round(&mut self, mut rounds: Rounds, seconds: f64, pace: Pace) -> Next {
        let passes = rounds.count();
        let step = rounds.sent(self.order(), seconds, pace);
        let cut = self.post_copy.is_some() && passes >= self.task.hybrid_rounds.max(1);
        let next = match step {
            Step::Stop(pass) => {
                self.ending = Ending::Stopped;
                Next::Leg(self.leg(pass, 0.0))
            }
            Step::Pass(_) if cut => {
                self.ending = Ending::Moved(rounds.pending().1 * rounds.effective().page_bytes);
                let downtime = self.constants.post_copy_downtime_s;
                let stop = Leg::pause(StageKind::Stop, downtime, 0.0);
                Next::Leg(Leg { switches: true, ..stop })
            }
            Step::Pass(pass) => Next::Leg(self.leg(pass, rounds.speed())),
            Step::Never(fixed_point_pages) => Next::Stuck(Convergence::Never { fixed_point_pages }),
            Step::GiveUp(remaining_pages) => Next::Stuck(Convergence::GivenUp { remaining_pages }),
        };
        self.rounds = Some(rounds);
        next
    }

    /// The pages that follow the VM.
    fn push(&self, post_copy: PostCopy, bytes: f64, rate: f64) -> Leg {
        let pace = self.constants.link_efficiency * rate;
        let push = post_copy.push(&self.task, &self.constants, bytes, pace);
        let least = push.seconds.max(f64::MIN_POSITIVE);
        let efficiency = (bytes / (rate * least)).min(1.0);
        let speed = 1.0 - push.waited_s / least;
        Leg { bytes, efficiency, ..Leg::pause(StageKind::Push, 0.0, speed) }
    }
}

impl Program for Live {
    fn begin(&self) -> Leg {
        let effective = self.task.features.effective(&self.task.memory, &self.constants);
        Leg::pause(StageKind::SetUp, self.constants.setup_s + effective.before_s, 1.0)
    }
    fn most(&self) -> f64 {
        let most = self.task.features.effective(&self.task.memory, &self.constants).most;
        (most / self.constants.link_efficiency).min(self.task.channel.nominal())
    }
    fn next(&mut self, seconds: f64, rate: f64) -> Result<Next, PolicyError> {
        let pace = Pace { rate: self.constants.link_efficiency * rate, burst: None };
        let Some(rounds) = self.rounds.take() else { return Ok(Next::Leg(self.first(pace))) };
        if self.ending == Ending::Rounds {
            return Ok(self.after_round(rounds, seconds, pace));
        }
        self.rounds = Some(rounds);
        Ok(match (std::mem::replace(&mut self.ending, Ending::Last), self.post_copy) {
            (Ending::Stopped, _) => {
                let downtime = self.constants.downtime_s;
                Next::Leg(Leg::pause(StageKind::Resume, downtime, 0.0))
            }
            (Ending::Moved(bytes), Some(post_copy)) => Next::Leg(self.push(post_copy, bytes, rate)),
            _ => Next::Over,
        })
    }
    fn stop_anyway(&mut self) -> Leg {
        self.ending = Ending::Stopped;
        let pass = self.rounds.as_ref().map(|rounds| rounds.stop_anyway(self.order()));
        pass.map_or(Leg::pause(StageKind::Stop, 0.0, 0.0), |pass| self.leg(pass, 0.0))
    }
    fn rounds(&self) -> u32 {
        self.rounds.as_ref().map_or(0, Rounds::count)
    }
    fn pending(&self, seconds: f64) -> f64 {
        self.rounds.as_ref().map_or(0.0, |rounds| rounds.dirtied(self.order(), seconds))
    }
    fn throttled_s(&self) -> f64 {
        self.rounds.as_ref().map_or(0.0, Rounds::throttled_s)
    }
    fn foresee(&mut self, now: &UnderWay, rate: f64) -> Option<f64> {
        // The rounds of hybrid are few, and counted.
        let rounds = self.rounds.as_ref().filter(|_| {
            self.ending == Ending::Rounds && self.post_copy.is_none() && now.leg.sends()
        })?;
        let order = Order { task: &self.task, constants: &self.constants };
        self.foresight.look(order, rounds, now, rate)
    }
    fn pass(&mut self, seconds: Option<f64>) -> Option<Passed> {
        let order = Order { task: &self.task, constants: &self.constants };
        let rounds = self.rounds.as_mut()?;
        let (pass, into_s, bytes) = self.foresight.pass(order, rounds, seconds)?;
        let leg = self.leg(pass, self.rounds.as_ref()?.speed());
        Some(Passed { leg, into_s, bytes })
    }
}
