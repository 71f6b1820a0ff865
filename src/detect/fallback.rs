//! A detector with a fallback for the hosts of which it cannot tell yet.
//!
//! Source: Beloglazov and Buyya 2012 fall back to a static threshold of 0.7 while a host's history
//! is shorter than 12 (MAD, IQR) or 10 (LR, LRR) samples.

use super::{HostLoad, HostLoads, Linear, OverloadDetector, Verdict};
use crate::policy::PolicyError;

/// `primary`, and `fallback` wherever `primary` says [`Verdict::Unknown`].
pub struct WithFallback {
    primary: Box<dyn OverloadDetector>,
    fallback: Box<dyn OverloadDetector>,
}

impl WithFallback {
    /// Joins the two.
    pub fn new(primary: Box<dyn OverloadDetector>, fallback: Box<dyn OverloadDetector>) -> Self {
        Self { primary, fallback }
    }
}

impl OverloadDetector for WithFallback {
    fn name(&self) -> &str {
        self.primary.name()
    }
    fn window(&self) -> usize {
        self.primary.window().max(self.fallback.window())
    }
    fn batch(&self) -> usize {
        self.primary.batch()
    }

    fn words(&self, load: HostLoad<'_>) -> Option<String> {
        self.primary.words(load).or_else(|| self.fallback.words(load))
    }
    fn linear(&self) -> Option<Linear> {
        let Linear { line, threshold } = self.primary.linear()?;
        let present_only = |fallback: &Linear| fallback.line.is_none();
        let fallback = self.fallback.linear().filter(present_only);
        let threshold = threshold.or(fallback.and_then(|fallback| fallback.threshold));
        Some(Linear { line, threshold })
    }

    fn probability(&mut self, load: HostLoad<'_>) -> Result<Option<f64>, PolicyError> {
        self.primary.probability(load)
    }

    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        match self.primary.assess(load)? {
            Verdict::Unknown => self.fallback.assess(load),
            verdict => Ok(verdict),
        }
    }

    fn assess_all(
        &mut self,
        loads: &HostLoads,
        verdicts: &mut Vec<Verdict>,
    ) -> Result<(), PolicyError> {
        self.primary.assess_all(loads, verdicts)?;
        for (row, verdict) in verdicts.iter_mut().enumerate() {
            if *verdict == Verdict::Unknown {
                *verdict = self.fallback.assess(loads.row(row))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Mad, Thr};

    #[test]
    fn the_fallback_answers_only_while_the_history_is_short() {
        let thr = Box::new(Thr { threshold: 0.7 });
        let mut detector = WithFallback::new(Box::new(Mad::default()), thr);
        let at = |history| HostLoad::alone(0.75, history);
        assert_eq!(detector.assess(at(&[0.75; 11])).unwrap(), Verdict::Overloaded);
        assert_eq!(detector.assess(at(&[0.75; 12])).unwrap(), Verdict::Normal);
    }
}
