//! A disk image on its way from a repository: one leg, whose bytes share the links with migrations.

use super::StageKind;
use super::program::{Leg, Next, Program};
use crate::policy::PolicyError;

/// An image that is sent.
#[derive(Debug)]
pub struct ImageTransfer {
    bytes: f64,
    most: f64,
    begun: bool,
}

impl ImageTransfer {
    /// `bytes`, at `most` bytes per second.
    pub fn new(bytes: f64, most: f64) -> Self {
        Self { bytes, most, begun: false }
    }
}

impl Program for ImageTransfer {
    fn begin(&self) -> Leg {
        Leg::pause(StageKind::SetUp, 0.0, 1.0)
    }
    fn most(&self) -> f64 {
        self.most
    }
    fn next(&mut self, _seconds: f64, _rate: f64) -> Result<Next, PolicyError> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(Next::Over);
        }
        let pause = Leg::pause(StageKind::Storage, 0.0, 1.0);
        Ok(Next::Leg(Leg { bytes: self.bytes, ..pause }))
    }
    fn stop_anyway(&mut self) -> Leg {
        Leg::pause(StageKind::Storage, 0.0, 1.0)
    }
    fn rounds(&self) -> u32 {
        0
    }
    fn pending(&self, _seconds: f64) -> f64 {
        0.0
    }
}
