//! When something fails next, and for how long: drawn as the run goes on.
//!
//! ```text
//! up:     s (-ln u)^(1 / k)                        s = mtbf / Gamma(1 + 1 / k)
//! down:   -mttr ln u,  mttr exp(z - 1/2),  mttr    exponential, log-normal, fixed
//! ```
//!
//! `u` is uniform on (0, 1], `z` standard normal. Each host and each rack draws from a stream of
//! its own, named after it, so that what one does changes nothing for another.

use rand::Rng;

use super::outages::Hit;
use crate::model::outages::{Hazard, Outages, Repair};
use crate::model::record::NetworkPart;
use crate::model::sites::{Site, Sites};
use crate::random::{Stream, stream};
use crate::stats::{gamma, normal_quantile_of_tail};
use crate::time::Span;
use crate::topology::Topology;

/// Nothing fails or is repaired in less, seconds.
const LEAST_S: f64 = 1.0;
/// Nothing is drawn to last longer, seconds (some 300 years).
const MOST_S: f64 = 1e10;
const HOUR_S: f64 = 3600.0;

/// Something that fails at random, again and again.
#[derive(Debug)]
pub(super) struct Source {
    /// What it hits.
    pub hit: Hit,
    hazard: Hazard,
    stream: Stream,
}

impl Source {
    /// Everything that fails at random in `outages`, over `hosts` hosts that stand at `sites`.
    pub fn all(outages: &Outages, sites: Option<&Sites>, hosts: usize, seed: u64) -> Vec<Self> {
        let mut sources = Vec::new();
        let mut add = |hazard: Option<Hazard>, word: &str, hits: &mut dyn Iterator<Item = Hit>| {
            let Some(hazard) = hazard else { return };
            for (i, hit) in hits.enumerate() {
                let stream = stream(seed, &format!("outages.{word}.{i}"));
                sources.push(Self { hit, hazard, stream });
            }
        };
        let of_hosts = |hosts: std::ops::Range<usize>| Hit::Hosts(hosts.collect());
        add(outages.host, "host", &mut (0..hosts).map(|host| of_hosts(host..host + 1)));
        let racks = outages.racks(hosts);
        add(outages.rack, "rack", &mut (0..racks).map(|rack| of_hosts(outages.rack(rack, hosts))));
        let Some(sites) = sites else { return sources };
        let hosts_of = |site: &Site| Hit::Hosts(site.hosts.below(hosts).collect());
        add(outages.site, "site", &mut sites.list.iter().map(hosts_of));
        add(outages.link, "link", &mut (0..sites.links.len()).map(Hit::Link));
        sources
    }

    /// Every switch and cable of `topology` that fails at random in `outages`.
    pub fn of_network(outages: &Outages, topology: &Topology, seed: u64) -> Vec<Self> {
        let mut sources = Vec::new();
        for (hazard, part, word, count) in [
            (outages.switch, NetworkPart::Switch, "switch", topology.switches()),
            (outages.cable, NetworkPart::Cable, "cable", topology.cables()),
        ] {
            let Some(hazard) = hazard else { continue };
            sources.extend((0..count).map(|number| {
                let stream = stream(seed, &format!("outages.{word}.{number}"));
                Self { hit: Hit::Network(part, number), hazard, stream }
            }));
        }
        sources
    }

    /// How long it works from now on.
    pub fn uptime(&mut self) -> Span {
        let Hazard { mtbf_h, shape, .. } = self.hazard;
        let scale = mtbf_h / gamma(1.0 + 1.0 / shape);
        let hours = scale * (-self.uniform().ln()).powf(1.0 / shape);
        span(hours)
    }

    /// How long it is out from now on.
    pub fn repair(&mut self) -> Span {
        let uniform = self.uniform();
        let mean = self.hazard.mttr_h;
        span(match self.hazard.repair {
            Repair::Fixed => mean,
            Repair::Exponential => -mean * uniform.ln(),
            // The mean of exp(z) is exp(1/2).
            Repair::Lognormal => mean * (normal_quantile_of_tail(uniform) - 0.5).exp(),
        })
    }

    /// 53 bits in (0, 1].
    fn uniform(&mut self) -> f64 {
        ((self.stream.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

fn span(hours: f64) -> Span {
    Span::from_seconds((hours * HOUR_S).clamp(LEAST_S, MOST_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(shape: f64, repair: Repair) -> Source {
        let hazard = Hazard { mtbf_h: 100.0, shape, mttr_h: 4.0, repair };
        let outages = Outages { host: Some(hazard), ..Outages::default() };
        Source::all(&outages, None, 1, 7).remove(0)
    }

    fn mean_h(draw: impl FnMut() -> Span) -> f64 {
        std::iter::repeat_with(draw).take(20_000).map(Span::seconds).sum::<f64>()
            / 20_000.0
            / HOUR_S
    }

    /// Standard errors of 20,000 draws: 0.7 % for exponential times, 1.6 % for k = 0.5 (coefficient
    /// of variation sqrt 5), 0.9 % for log-normal ones (sqrt(e - 1)); bounds are four of them.
    #[test]
    fn times_have_the_means_that_are_asked_for() {
        for (shape, bound) in [(1.0, 0.028), (0.5, 0.064), (3.0, 0.011)] {
            let mut source = source(shape, Repair::Fixed);
            let mean = mean_h(|| source.uptime());
            assert!((mean / 100.0 - 1.0).abs() < bound, "{shape}: {mean}");
        }
        for (repair, bound) in
            [(Repair::Fixed, 1e-9), (Repair::Exponential, 0.028), (Repair::Lognormal, 0.038)]
        {
            let mut source = source(1.0, repair);
            let mean = mean_h(|| source.repair());
            assert!((mean / 4.0 - 1.0).abs() < bound, "{repair:?}: {mean}");
        }
    }

    #[test]
    fn every_host_has_a_stream_of_its_own() {
        let hazard = Hazard { mtbf_h: 100.0, shape: 1.0, mttr_h: 4.0, repair: Repair::Fixed };
        let outages = Outages { host: Some(hazard), ..Outages::default() };
        let mut few = Source::all(&outages, None, 2, 7);
        let mut many = Source::all(&outages, None, 3, 7);
        assert_eq!(few[1].uptime(), many[1].uptime());
        assert_ne!(few[0].uptime(), few[1].uptime());
    }
}
