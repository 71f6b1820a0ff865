//! A dirty-page function in Python, and what it must not do.
//!
//! Models ask for a number and know no failure. So what the function raises, and an answer that no
//! count of pages can be, is kept until the model has answered: then the caller raises it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use galerna::migrate::{Dirty, DirtyPages};
use galerna::problem::Problem;
use pyo3::prelude::*;

use crate::errors;

/// A `dirty(t)`: distinct pages written within `t` seconds.
#[derive(Debug)]
pub struct Function {
    function: Py<PyAny>,
    working_set: f64,
    told: Mutex<Told>,
}

/// What it has answered so far.
#[derive(Debug, Default)]
struct Told {
    /// Pages by time, whose bits are in its order.
    pages: BTreeMap<u64, f64>,
    fault: Option<Fault>,
}

#[derive(Debug)]
enum Fault {
    Raised(PyErr, f64),
    Wrong(String),
}

/// Where a working set is not given it is what an hour writes.
const LONG_S: f64 = 3600.0;

impl Function {
    /// The function `dirty` of a VM of so many pages: anything to be called, or an object with a
    /// method `dirty`; its attribute `working_set` (pages) counts where it has one.
    pub fn of(dirty: &Bound<'_, PyAny>, memory_pages: f64) -> PyResult<Arc<Self>> {
        let method = dirty.getattr_opt("dirty")?;
        let function = method.unwrap_or_else(|| dirty.clone()).unbind();
        let given = dirty.getattr_opt("working_set")?;
        let mut found = Self { function, working_set: 0.0, told: Mutex::default() };
        found.working_set = match given.filter(|given| !given.is_none()) {
            Some(given) => given.extract()?,
            None => found.pages(LONG_S).min(memory_pages),
        };
        Ok(Arc::new(found))
    }

    /// As models take it.
    pub fn dirty(self: &Arc<Self>) -> Dirty {
        Dirty::Custom(Arc::clone(self) as Arc<dyn DirtyPages>)
    }

    /// What was wrong with it up to now: what it raised, or GLN-313.
    pub fn fault(&self, py: Python<'_>, place: &str) -> Option<PyErr> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        Some(match told.fault.take()? {
            Fault::Raised(error, seconds) => {
                let note = format!("asked by galerna: {place}, dirty({seconds})");
                errors::noted(py, error, &note)
            }
            Fault::Wrong(what) => {
                let remedy = "Count distinct pages since the start: that number never falls";
                let problem = Problem::new("GLN-313", format!("{place}, dirty"), what, remedy);
                errors::migration(py, vec![problem])
            }
        })
    }

    fn ask(&self, seconds: f64) -> Result<f64, Fault> {
        Python::attach(|py| {
            let answer = self.function.bind(py).call1((seconds,));
            let answer = answer.map_err(|error| Fault::Raised(error, seconds))?;
            answer.extract::<f64>().map_err(|_| {
                let kind = answer.get_type().name().map_or_else(|_| "?".into(), |n| n.to_string());
                Fault::Wrong(format!("dirty({seconds}) answered a {kind}, expected a number"))
            })
        })
    }
}

impl Told {
    /// What is wrong with `pages` at `seconds`, beside what was answered before.
    fn wrong(&self, seconds: f64, pages: f64) -> Option<String> {
        if !(pages.is_finite() && pages >= 0.0) {
            let what = format!("dirty({seconds}) is {pages}, expected a number of 0 or more");
            return Some(what);
        }
        let at = seconds.to_bits();
        let before = self.pages.range(..at).next_back();
        let after = self.pages.range(at + 1..).next();
        let fall = |(t0, d0): (f64, f64), (t1, d1): (f64, f64)| {
            let what = format!("dirty pages fall from {d0} at {t0} s to {d1} at {t1} s");
            (d1 < d0).then_some(what)
        };
        let own = (seconds, pages);
        let known = |(&at, &pages): (&u64, &f64)| (f64::from_bits(at), pages);
        let falls = before.map(known).and_then(|before| fall(before, own));
        falls.or_else(|| after.map(known).and_then(|after| fall(own, after)))
    }
}

impl DirtyPages for Function {
    fn pages(&self, seconds: f64) -> f64 {
        let locked = || self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if locked().fault.is_some() || seconds.is_nan() {
            return f64::NAN;
        }
        // The lock is not held meanwhile: the function may ask galerna something itself.
        let answer = self.ask(seconds);
        let mut told = locked();
        let answer = answer.and_then(|pages| match told.wrong(seconds, pages) {
            None => Ok(pages),
            Some(what) => Err(Fault::Wrong(what)),
        });
        match answer {
            Ok(pages) => {
                told.pages.insert(seconds.to_bits(), pages);
                pages
            }
            Err(fault) => {
                told.fault = Some(fault);
                f64::NAN
            }
        }
    }
    fn working_set(&self) -> f64 {
        self.working_set
    }
}
