//! Options of the hypervisor that change what is sent, and how they combine.
//!
//! Each option is one file. Those that act on all pages alike are folded into an [`Effective`]
//! before the first byte; auto-converge and XBZRLE act round by round.

mod auto_converge;
mod compression;
mod deduplication;
mod encryption;
mod free_pages;
mod multifd;
mod xbzrle;

use serde::{Deserialize, Serialize};

pub use auto_converge::{AutoConverge, Throttle};
pub use compression::Compression;
pub use deduplication::Deduplication;
pub use encryption::Encryption;
pub use free_pages::FreePages;
pub use multifd::Multifd;
pub use xbzrle::Xbzrle;

use super::task::{Memory, Pace};
use super::{Constants, PAGE};
use crate::problem::Problem;

/// Options in force; all off by default.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Features {
    /// Slow the guest until it converges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_converge: Option<AutoConverge>,
    /// Send the difference to the page sent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xbzrle: Option<Xbzrle>,
    /// Compress pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// Several connections at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multifd: Option<Multifd>,
    /// Leave out pages that the guest does not use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_pages: Option<FreePages>,
    /// Send pages that are alike once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deduplication: Option<Deduplication>,
    /// Encrypt the stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}

/// What the options make of a task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effective {
    /// Pages to send in the first pass that are not zero.
    pub nonzero: f64,
    /// Zero pages to announce.
    pub zero: f64,
    /// Bytes on the wire per page that is not zero.
    pub page_bytes: f64,
    /// Bytes per second that the source can produce.
    pub most: f64,
    /// Seconds before the first byte, beside the set-up.
    pub before_s: f64,
    /// CPU at the source per page, s.
    pub cpu_page_s: f64,
    /// Pages handed to the network that no longer count as remaining.
    pub in_flight: f64,
}

impl Features {
    /// What they make of `memory`.
    pub fn effective(&self, memory: &Memory, constants: &Constants) -> Effective {
        let mut effective = Effective {
            nonzero: memory.nonzero,
            zero: memory.pages - memory.nonzero,
            page_bytes: PAGE + constants.header_bytes,
            most: f64::INFINITY,
            before_s: 0.0,
            cpu_page_s: 0.0,
            in_flight: 0.0,
        };
        self.free_pages.iter().for_each(|option| option.apply(&mut effective));
        self.deduplication.iter().for_each(|option| option.apply(&mut effective));
        self.multifd.iter().for_each(|option| option.apply(&mut effective));
        self.compression.iter().for_each(|option| option.apply(&mut effective));
        self.encryption.iter().for_each(|option| option.apply(&mut effective));
        effective
    }

    /// Everything out of range, GLN-311.
    pub fn problems(&self, place: &str) -> Vec<Problem> {
        let ranges = [
            self.auto_converge.map(|o| o.ranges().to_vec()),
            self.xbzrle.map(|o| o.ranges().to_vec()),
            self.compression.map(|o| o.ranges().to_vec()),
            self.multifd.map(|o| o.ranges().to_vec()),
            self.free_pages.map(|o| o.ranges().to_vec()),
            self.deduplication.map(|o| o.ranges().to_vec()),
            self.encryption.map(|o| o.ranges().to_vec()),
        ];
        let wrong = ranges.into_iter().flatten().flatten().filter(|range| !range.holds());
        wrong.map(|range| range.problem(place)).collect()
    }
}

impl Effective {
    /// `pace` as far as the source can keep it.
    pub fn pace(&self, pace: Pace) -> Pace {
        Pace { rate: pace.rate.min(self.most), burst: pace.burst.map(|burst| burst.min(self.most)) }
    }

    /// Bytes of the first pass over all memory.
    pub fn volume(&self, constants: &Constants) -> f64 {
        self.nonzero * self.page_bytes + self.zero * constants.zero_page_bytes
    }
}

/// A value and where it may lie: above or at `low`, up to `high`.
#[derive(Debug, Clone, Copy)]
struct Range {
    name: &'static str,
    value: f64,
    low: f64,
    open: bool,
    high: f64,
}

impl Range {
    fn positive(name: &'static str, value: f64) -> Self {
        Self { name, value, low: 0.0, open: true, high: f64::MAX }
    }

    fn fraction(name: &'static str, value: f64) -> Self {
        Self { name, value, low: 0.0, open: false, high: 1.0 }
    }

    fn holds(&self) -> bool {
        self.value <= self.high && (self.value > self.low || (!self.open && self.value == self.low))
    }

    fn problem(&self, place: &str) -> Problem {
        let from = if self.open { "above" } else { "from" };
        let to = if self.high == f64::MAX { String::new() } else { format!(" to {}", self.high) };
        let what = format!("found {}, expected {from} {}{to}", self.value, self.low);
        let place = format!("{place}, {}", self.name);
        Problem::new("GLN-311", place, what, "Write a value in that range")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::dirty::Dirty;

    /// 1000 of 4000 pages used, 200 of them freed, a quarter of the rest alike: 600 to send and
    /// 3000 zero ones; pages of 4096 / 2 + 8 bytes, encrypted with 0.2 % on top.
    #[test]
    fn options_combine() {
        let memory = Memory { pages: 4000.0, nonzero: 1000.0, dirty: Dirty::Idle };
        let features = Features {
            free_pages: Some(FreePages { freed: 200.0, offered: 500.0, speed: 1e9 }),
            deduplication: Some(Deduplication { alike: 0.25, reference_bytes: 0.0 }),
            compression: Some(Compression { ratio: 2.0, pages_per_s: 1000.0 }),
            encryption: Some(Encryption { speed: 1e6, overhead: 0.5 }),
            ..Features::default()
        };
        let effective = features.effective(&memory, &Constants::default());
        assert_eq!((effective.nonzero, effective.zero), (600.0, 3000.0));
        assert_eq!(effective.page_bytes, (2048.0 + 8.0) * 1.5);
        assert_eq!(effective.most, 1e6, "encryption is slower than compression");
        assert_eq!(effective.before_s, 500.0 * 4096.0 / 1e9);
    }

    #[test]
    fn values_out_of_range_are_named() {
        let features = Features {
            deduplication: Some(Deduplication { alike: 1.5, reference_bytes: 0.0 }),
            encryption: Some(Encryption { speed: 0.0, overhead: 0.0 }),
            ..Features::default()
        };
        let problems = features.problems("vm");
        assert_eq!(problems.len(), 2);
        assert!(
            problems[0].to_string().contains("deduplication.alike: found 1.5, expected from 0")
        );
    }
}
