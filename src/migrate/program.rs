//! What does a migration send next, when its rate is known only as it goes?
//!
//! A closed form knows its bandwidth beforehand. On shared links the rate changes under way, so
//! that a migration is carried out leg by leg: a [`Program`] says what the next leg sends, is told
//! how long that took and which rate the links give now, and says what follows.
//! [`Live`](super::Live) is pre-copy by the hypervisor's rule, which decides at each leg anew;
//! every other model is asked once, at the rate that it has when its first byte goes out, and its
//! stages are then sent at whatever rate there is ([`Foretold`]).

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::task::{Channel, Task};
use super::{Constants, Convergence, MigrationModel, StageKind};
use crate::policy::PolicyError;
use crate::units::BytesPerSecond;

/// A stage of a migration that is carried out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leg {
    /// What it is.
    pub kind: StageKind,
    /// Bytes on the wire; a leg without bytes uses no link.
    pub bytes: f64,
    /// Bytes per second that go forward / those that the links give, in `(0, 1]`.
    pub efficiency: f64,
    /// Seconds beside the bytes.
    pub extra_s: f64,
    /// Seconds that it takes at least.
    pub least_s: f64,
    /// Speed of the guest, in `[0, 1]`.
    pub speed: f64,
    /// Whether the VM moves after it and its pages follow: post-copy.
    pub switches: bool,
}

impl Leg {
    /// `seconds` in which nothing is sent and the guest runs at `speed`.
    pub fn pause(kind: StageKind, seconds: f64, speed: f64) -> Self {
        Self {
            kind,
            bytes: 0.0,
            efficiency: 1.0,
            extra_s: seconds,
            least_s: 0.0,
            speed,
            switches: false,
        }
    }

    /// Whether it uses the links.
    pub fn sends(&self) -> bool {
        self.bytes > 0.0
    }
}

/// A leg that is being sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnderWay {
    /// The leg; of its extra seconds, those that are left.
    pub leg: Leg,
    /// Bytes that it still has to send.
    pub remaining: f64,
    /// Seconds that it has taken so far.
    pub elapsed_s: f64,
}

impl UnderWay {
    /// Seconds until it is complete if the links go on giving `rate` bytes per second.
    pub fn left_s(&self, rate: f64) -> f64 {
        let Self { leg, remaining, elapsed_s } = self;
        let sending = if leg.sends() { remaining / (leg.efficiency * rate) } else { 0.0 };
        (sending + leg.extra_s).max(leg.least_s - elapsed_s).max(0.0)
    }
}

/// Legs that were passed over without a word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Passed {
    /// The leg after them.
    pub leg: Leg,
    /// Seconds since it began.
    pub into_s: f64,
    /// Bytes of the legs passed over.
    pub bytes: f64,
}

/// What follows a leg.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Next {
    /// Another one.
    Leg(Leg),
    /// It would go on for ever: it is to be cancelled, or stopped anyway.
    Stuck(Convergence),
    /// Nothing: the VM runs at the destination, which has all its pages.
    Over,
}

/// A migration, leg by leg.
pub trait Program: fmt::Debug + Send {
    /// The first leg, which sends nothing.
    fn begin(&self) -> Leg;
    /// Bytes per second that it can use at most.
    fn most(&self) -> f64;
    /// What follows a leg that took `seconds`; the links give `rate` bytes per second now.
    ///
    /// # Errors
    ///
    /// That of a model of one's own.
    fn next(&mut self, seconds: f64, rate: f64) -> Result<Next, PolicyError>;
    /// The VM stops here, whatever is pending: what has to be sent.
    fn stop_anyway(&mut self) -> Leg;
    /// Passes over memory so far, the stop not counted.
    fn rounds(&self) -> u32;
    /// Pages that are still to be sent when it is given up `seconds` into a leg.
    fn pending(&self, seconds: f64) -> f64;
    /// Guest work lost to throttling so far, s of full speed.
    fn throttled_s(&self) -> f64 {
        0.0
    }
    /// Seconds until it has something to decide, where round follows round as long as the links
    /// give `rate`: until the last of those rounds is complete. `None` where no round is foreseen.
    /// What it foresees becomes true by [`Program::pass`], or is forgotten when it is asked again.
    fn foresee(&mut self, _now: &UnderWay, _rate: f64) -> Option<f64> {
        None
    }
    /// `seconds` of what was foreseen are over, all of it where that is `None`: goes on to the
    /// round that is under way then. `None` where that is still the one that it was.
    fn pass(&mut self, _seconds: Option<f64>) -> Option<Passed> {
        None
    }
}

/// The program of `task` by `model`.
pub fn program(
    model: &Arc<dyn MigrationModel>,
    task: &Task,
    constants: &Arc<Constants>,
) -> Box<dyn Program> {
    model.live(task, constants).unwrap_or_else(|| {
        let (model, constants) = (Arc::clone(model), Arc::clone(constants));
        let (task, legs) = (task.clone(), None);
        Box::new(Foretold {
            model,
            task,
            constants,
            legs,
            convergence: Convergence::Converged,
            rounds: 0,
        })
    })
}

/// The stages that a model foretells at the rate of the first byte.
struct Foretold {
    model: Arc<dyn MigrationModel>,
    task: Task,
    constants: Arc<Constants>,
    /// What is to come; `None` until the rate is known.
    legs: Option<VecDeque<Leg>>,
    convergence: Convergence,
    rounds: u32,
}

impl fmt::Debug for Foretold {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} foretells {:?}", self.model.name(), self.legs)
    }
}

impl Foretold {
    fn foretell(&mut self, rate: f64) -> Result<VecDeque<Leg>, PolicyError> {
        let mut task = self.task.clone();
        task.channel = Channel::link(BytesPerSecond(rate));
        let mut stages = Vec::new();
        let prediction = self.model.predict(&task, &self.constants, Some(&mut stages))?;
        (self.convergence, self.rounds) = (prediction.convergence, prediction.rounds);
        let follow = stages.iter().any(|stage| stage.kind == StageKind::Push);
        let legs = stages.iter().map(|stage| {
            let switches = follow && stage.kind == StageKind::Stop;
            // All of the rate, where it is all but rounding.
            let part = stage.bytes / (rate * stage.seconds);
            let efficiency = if part > 1.0 - 1e-12 { 1.0 } else { part };
            if stage.bytes > 0.0 && efficiency > 0.0 {
                let pause = Leg::pause(stage.kind, 0.0, stage.speed);
                Leg { bytes: stage.bytes, efficiency, switches, ..pause }
            } else {
                Leg { switches, ..Leg::pause(stage.kind, stage.seconds, stage.speed) }
            }
        });
        Ok(legs.collect())
    }
}

impl Program for Foretold {
    fn begin(&self) -> Leg {
        Leg::pause(StageKind::SetUp, 0.0, 1.0)
    }
    fn most(&self) -> f64 {
        self.task.channel.nominal()
    }
    fn next(&mut self, _seconds: f64, rate: f64) -> Result<Next, PolicyError> {
        if self.legs.is_none() {
            self.legs = Some(self.foretell(rate)?);
        }
        Ok(match self.legs.as_mut().and_then(VecDeque::pop_front) {
            Some(leg) if !self.convergence.converged() && leg.kind == StageKind::Stop => {
                Next::Stuck(self.convergence)
            }
            Some(leg) => Next::Leg(leg),
            None if self.convergence.converged() => Next::Over,
            None => Next::Stuck(self.convergence),
        })
    }
    fn stop_anyway(&mut self) -> Leg {
        // What is over before it would end is not stuck a second time.
        let pages = self.pending(0.0);
        (self.convergence, self.legs) = (Convergence::Converged, Some(VecDeque::new()));
        let (bytes, efficiency) = (pages * super::PAGE, self.constants.link_efficiency);
        Leg { bytes, efficiency, ..Leg::pause(StageKind::Stop, self.constants.downtime_s, 0.0) }
    }
    fn rounds(&self) -> u32 {
        self.rounds
    }
    fn pending(&self, _seconds: f64) -> f64 {
        match self.convergence {
            Convergence::Converged => self.task.memory.nonzero,
            Convergence::Never { fixed_point_pages } => fixed_point_pages,
            Convergence::GivenUp { remaining_pages } => remaining_pages,
        }
    }
}
