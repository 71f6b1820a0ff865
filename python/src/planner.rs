//! The reservation planner from Python: plain values in, JSON out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use galerna::lease::planner::{self, Answer, Offer, PlanError, Request, Tariff};
use galerna::model::lease::{Amounts, Site};
use galerna::time::{Instant, Span};
use pyo3::prelude::*;

use crate::errors;

/// Nodes, CPU, memory and other resources of each, duration, earliest and latest start; times in
/// seconds.
type Wanted = (u32, i64, i64, BTreeMap<String, i64>, f64, f64, Option<f64>);

/// Hosts with `amounts` of `resources`, the known ones of which come first.
fn site(resources: Vec<String>, amounts: &[Vec<i64>]) -> Site {
    let padded =
        |has: &Vec<i64>| -> Amounts { std::array::from_fn(|k| has.get(k).copied().unwrap_or(0)) };
    Site { resources, hosts: amounts.iter().map(padded).collect() }.with_plenty()
}

fn instant(seconds: f64) -> Instant {
    Instant::from_seconds(seconds)
}

fn refused(py: Python<'_>) -> impl Fn(PlanError) -> PyErr {
    move |error| errors::plan(py, error)
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain values have a JSON form")
}

/// What is promised on the hosts of a site.
#[pyclass(module = "galerna._core")]
pub struct Planner {
    inner: planner::Planner,
}

impl Planner {
    fn request(&self, wanted: Wanted) -> Result<Request, PlanError> {
        let (nodes, cpu, memory, others, duration, earliest, latest) = wanted;
        let others = others.iter().map(|(name, amount)| (name.as_str(), *amount));
        Ok(Request {
            nodes,
            need: self.inner.need((cpu, memory), others)?,
            duration: Span::from_seconds(duration),
            earliest: Instant::from_seconds(earliest),
            latest: latest.map_or(Instant(i64::MAX), Instant::from_seconds),
        })
    }

    fn told(&self, ids: &[u64]) -> Result<String, PlanError> {
        let reserved: Result<Vec<_>, _> =
            ids.iter().map(|&id| self.inner.reservation(id)).collect();
        reserved.map(|reserved| text(&reserved))
    }

    fn priced(&self, offer: &Offer, tariff: Tariff) -> serde_json::Value {
        let mut value = serde_json::to_value(offer).expect("an offer has a JSON form");
        value["price"] = tariff.price(&self.inner, offer).into();
        value
    }
}

#[pymethods]
impl Planner {
    /// A planner for hosts with `amounts` of `resources`, in memory or in a new file at `path`.
    #[new]
    fn new(
        py: Python<'_>,
        resources: Vec<String>,
        amounts: Vec<Vec<i64>>,
        path: Option<PathBuf>,
    ) -> PyResult<Self> {
        let site = site(resources, &amounts);
        let inner = match path {
            None => planner::Planner::new(site),
            Some(path) => planner::Planner::create(&path, site).map_err(refused(py))?,
        };
        Ok(Self { inner })
    }

    /// The planner whose state is in the file at `path`.
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let inner = py.detach(|| planner::Planner::open(&path)).map_err(refused(py))?;
        Ok(Self { inner })
    }

    /// Names of the resources, and what each host has of them.
    fn site(&self) -> (Vec<String>, Vec<Vec<i64>>) {
        let Site { resources, hosts } = self.inner.site();
        (resources.clone(), hosts.iter().map(|host| host[..resources.len()].to_vec()).collect())
    }

    /// Every reservation, as JSON.
    fn reservations(&self) -> String {
        text(&self.inner.reservations().collect::<Vec<_>>())
    }

    /// Whether there is room, why not, and the offers, as JSON.
    fn ask(
        &mut self,
        py: Python<'_>,
        wanted: Wanted,
        now: f64,
        offers: usize,
        rate: f64,
    ) -> PyResult<String> {
        let request = self.request(wanted).map_err(refused(py))?;
        self.inner.check(&request, instant(now)).map_err(refused(py))?;
        let tariff = Tariff { node_hour: rate, ..Tariff::default() };
        let answer = self.inner.ask(&request, offers).map_err(refused(py))?;
        let (refusal, offers) = match answer {
            Answer::Room(offer) => (None, vec![offer]),
            Answer::Refused(refusal, offers) => (Some(refusal), offers),
        };
        let offers: Vec<_> = offers.iter().map(|offer| self.priced(offer, tariff)).collect();
        Ok(text(&(refusal, offers)))
    }

    /// Keeps hosts for all `wanted`, or for none; the reservations as JSON.
    fn hold(
        &mut self,
        py: Python<'_>,
        wanted: Vec<Wanted>,
        name: &str,
        now: f64,
        expires: f64,
    ) -> PyResult<String> {
        let requests: Result<Vec<_>, _> = wanted.into_iter().map(|one| self.request(one)).collect();
        let requests = requests.map_err(refused(py))?;
        let held = self.inner.hold_all(&requests, name, instant(now), instant(expires));
        held.and_then(|ids| self.told(&ids)).map_err(refused(py))
    }

    /// The same for one request, displacing those that allow it; the reservation and the displaced
    /// as JSON.
    fn hold_displacing(
        &mut self,
        py: Python<'_>,
        wanted: Wanted,
        name: &str,
        now: f64,
        expires: f64,
    ) -> PyResult<(String, String)> {
        let (now, expires) = (instant(now), instant(expires));
        let request = self.request(wanted).map_err(refused(py))?;
        let held = self.inner.hold_displacing(&request, name, now, expires);
        held.and_then(|(id, moved)| Ok((self.told(&[id])?, self.told(&moved)?)))
            .map_err(refused(py))
    }

    fn allow_preemption(&mut self, py: Python<'_>, ids: Vec<u64>) -> PyResult<()> {
        self.inner.allow_preemption(&ids).map_err(refused(py))
    }

    fn commit(&mut self, py: Python<'_>, ids: Vec<u64>, now: f64) -> PyResult<()> {
        self.inner.commit_all(&ids, instant(now)).map_err(refused(py))
    }

    fn cancel(&mut self, py: Python<'_>, ids: Vec<u64>) -> PyResult<()> {
        self.inner.cancel_all(&ids).map_err(refused(py))
    }

    fn expire(&mut self, py: Python<'_>, now: f64) -> PyResult<()> {
        self.inner.expire(instant(now)).map_err(refused(py))
    }

    fn extend(&mut self, py: Python<'_>, id: u64, end: f64) -> PyResult<String> {
        let extended = self.inner.extend(id, instant(end));
        extended.and_then(|()| self.told(&[id])).map_err(refused(py))
    }

    fn shrink(&mut self, py: Python<'_>, id: u64, nodes: u32) -> PyResult<String> {
        let shrunk = self.inner.shrink(id, nodes);
        shrunk.and_then(|()| self.told(&[id])).map_err(refused(py))
    }

    fn move_to(&mut self, py: Python<'_>, id: u64, start: f64, now: f64) -> PyResult<String> {
        let moved = self.inner.move_to(id, instant(start), instant(now));
        moved.and_then(|()| self.told(&[id])).map_err(refused(py))
    }

    /// Closes a host for some time, for good without an end: numbers of the moved and of the lost.
    fn close(
        &mut self,
        py: Python<'_>,
        host: u32,
        start: f64,
        end: Option<f64>,
        name: &str,
    ) -> PyResult<(Vec<u64>, Vec<u64>)> {
        let healing = match end {
            Some(end) => self.inner.maintain(host, instant(start), instant(end), name),
            None => self.inner.fail(host, instant(start)),
        };
        let healing = healing.map_err(refused(py))?;
        Ok((healing.moved, healing.lost))
    }
}
