//! The cap of the policy `power-cap`: its series is read from its file, and checked before anything
//! runs.

use super::costs::{read_file, step_problems};
use super::{Choice, PolicySpec, RunSpec};
use crate::model::costs::{Rate, Then};
use crate::model::rules::{EnergyIntegral, Window};
use crate::place::PlacerSpec;
use crate::problem::Problem;

const KEY: &str = "[policy] place.cap-w";

/// Puts the steps of a file in their place.
pub(super) fn read(
    policy: &mut PolicySpec,
    place: &dyn Fn(&str) -> String,
    problems: &mut Vec<Problem>,
) {
    if let Choice::BuiltIn(PlacerSpec::PowerCap(spec)) = &mut policy.place {
        read_file(&mut spec.cap_w, "cap-w", &place(KEY), problems);
    }
}

impl RunSpec {
    /// What is wrong with its power cap, where it has one.
    pub(super) fn power_cap_problems(&self, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
        let Some(cap) = self.power_cap() else { return Vec::new() };
        let at = || place(KEY);
        let mut problems = match cap {
            Rate::Constant(watts) if *watts > 0.0 && watts.is_finite() => Vec::new(),
            Rate::Constant(watts) => {
                let what = format!("must be a power above 0, found {watts}");
                vec![Problem::new("GLN-214", at(), what, "Write watts, e.g. cap-w = 20000")]
            }
            Rate::Series(series) => {
                step_problems(&series.steps, &|step| format!("{}.steps[{step}]", at()))
            }
        };
        if let Rate::Series(series) = cap {
            let unsaid = series.then == Then::Repeat && series.until_s.is_none();
            if series.then == Then::End || unsaid {
                let what = "the series says not what holds when it is over";
                let remedy = "Write then = \"hold\", or then = \"repeat\" and until-s";
                problems.push(Problem::new("GLN-214", format!("{}.then", at()), what, remedy));
            }
        }
        let accounting = &self.accounting;
        if (accounting.window, accounting.energy) != (Window::Whole, EnergyIntegral::Exact) {
            let what = "power is held against a cap at every instant, which this accounting is not";
            let remedy = "Leave accounting.window and accounting.energy out, or the cap";
            problems.push(Problem::new("GLN-214", place("[accounting]"), what, remedy));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::parse;

    fn found(cap: &str) -> Vec<String> {
        let text = format!("[policy]\nplace = {{ kind = \"power-cap\"{cap} }}\n");
        let read = parse(&text, "x.toml", Vec::new());
        let problems = read.err().map_or_else(Vec::new, |error| error.problems);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_cap_is_a_power_or_a_series_that_does_not_end() {
        assert!(found(", cap-w = 5000").is_empty());
        assert!(found(", cap-w = { steps = [[0, 5000], [60, 4000]], then = \"hold\" }").is_empty());
        let none = found(", cap-w = 0");
        assert!(none[0].starts_with("GLN-214 x.toml, [policy] place.cap-w: must be a power"));
        let ends = found(", cap-w = { steps = [[0, 5000], [60, 4000]] }");
        assert!(ends[0].contains("GLN-214 x.toml, [policy] place.cap-w.then"), "{ends:?}");
        let late = found(", cap-w = { steps = [[5, 5000]], then = \"hold\" }");
        assert!(late[0].contains("begins at 5 s"), "{late:?}");
        let missing = found(", cap-w = { file = \"no/such.csv\", then = \"hold\" }");
        assert!(missing[0].contains("GLN-208"), "{missing:?}");
        let wrong = found(", cap-w = 5000, margin = 1.0, window = 0");
        assert_eq!(wrong.len(), 2, "{wrong:?}");
    }
}
