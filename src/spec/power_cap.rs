//! The power cap, that of `[host]`, which is enforced, and that which the policy `power-cap` plans
//! for: series are read from their files and checked before anything runs. A run has one cap: the
//! policy takes that of `[host]` unless it states its own, which must be the same then.

use toml::Value;

use super::costs::{read_file, step_problems};
use super::{Choice, RunSpec};
use crate::model::costs::{Rate, Then};
use crate::model::rules::{EnergyIntegral, Oversubscription, PowerPolicy, Window};
use crate::place::PlacerSpec;
use crate::problem::Problem;

const PLANNED: &str = "[policy] place.cap-w";
const ENFORCED: &str = "[host] cap-w";

/// Whether `[policy]` as it is given says which cap it plans for.
pub(super) fn is_stated(policy: Option<&Value>) -> bool {
    let place = policy.and_then(|policy| policy.get("place"));
    place.is_some_and(|place| place.get("cap-w").is_some())
}

/// Puts the steps of files in their place, and gives the policy the cap that is enforced unless it
/// states its own.
pub(super) fn read(
    spec: &mut RunSpec,
    is_stated: bool,
    place: &dyn Fn(&str) -> String,
    problems: &mut Vec<Problem>,
) {
    if let Some(cap) = &mut spec.host.cap_w {
        read_file(cap, "cap-w", &place(ENFORCED), problems);
    }
    if let Choice::BuiltIn(PlacerSpec::PowerCap(planned)) = &mut spec.policy.place {
        read_file(&mut planned.cap_w, "cap-w", &place(PLANNED), problems);
        if let (Some(cap), false) = (&spec.host.cap_w, is_stated) {
            planned.cap_w = cap.clone();
        }
    }
}

impl RunSpec {
    /// What is wrong with its power cap, where it has one.
    pub(super) fn power_cap_problems(&self, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
        let Some(cap) = self.power_cap() else { return Vec::new() };
        let mut problems = match &self.host.cap_w {
            Some(enforced) => self.enforced_problems(enforced, place),
            None => of_cap(cap, &place(PLANNED)),
        };
        let accounting = &self.accounting;
        if (accounting.window, accounting.energy) != (Window::Whole, EnergyIntegral::Exact) {
            let what = "power is held against a cap at every instant, which this accounting is not";
            let remedy = "Leave accounting.window and accounting.energy out, or the cap";
            problems.push(Problem::new("GLN-214", place("[accounting]"), what, remedy));
        }
        problems
    }

    /// What is wrong with `enforced`, the cap of `[host]`.
    fn enforced_problems(&self, enforced: &Rate, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
        let mut problems = of_cap(enforced, &place(ENFORCED));
        if self.planned_cap().is_some_and(|planned| planned != enforced) {
            let what = "the policy plans for another cap than the one that is enforced";
            let remedy = "Leave policy.place.cap-w out, it is that of [host] then; margin keeps \
                          the plan below it";
            problems.push(Problem::new("GLN-674", place(PLANNED), what, remedy));
        }
        let mut refuse = |key: &str, what: &str, remedy: &str| {
            problems.push(Problem::new("GLN-675", place(&format!("[host] {key}")), what, remedy));
        };
        if self.host.power == PowerPolicy::AlwaysPeak {
            let what = "every host draws its peak power, whatever it is limited to";
            refuse("power", what, "Set host.power to \"managed\", or leave host.cap-w out");
        }
        if self.host.oversubscription == Oversubscription::Floored {
            let what = "shares in whole MIPS do not come to the power that hosts are limited to";
            let remedy = "Set host.oversubscription to \"proportional\", or leave host.cap-w out";
            refuse("oversubscription", what, remedy);
        }
        problems
    }
}

/// What is wrong with `cap`, which stands at `at`.
fn of_cap(cap: &Rate, at: &str) -> Vec<Problem> {
    let mut problems = match cap {
        Rate::Constant(watts) if *watts > 0.0 && watts.is_finite() => Vec::new(),
        Rate::Constant(watts) => {
            let what = format!("must be a power above 0, found {watts}");
            vec![Problem::new("GLN-214", at, what, "Write watts, e.g. cap-w = 20000")]
        }
        Rate::Series(series) => step_problems(&series.steps, &|step| format!("{at}.steps[{step}]")),
    };
    if let Rate::Series(series) = cap {
        let unsaid = series.then == Then::Repeat && series.until_s.is_none();
        if series.then == Then::End || unsaid {
            let what = "the series says not what holds when it is over";
            let remedy = "Write then = \"hold\", or then = \"repeat\" and until-s";
            problems.push(Problem::new("GLN-214", format!("{at}.then"), what, remedy));
        }
    }
    problems
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

    #[test]
    fn a_run_has_one_cap() {
        let read = |text: &str| parse(text, "x.toml", Vec::new());
        let shown = |text: &str| {
            let problems = read(text).err().map_or_else(Vec::new, |error| error.problems);
            problems.iter().map(ToString::to_string).collect::<Vec<String>>()
        };
        let host = "[host]\ncap-w = { steps = [[0, 900], [60, 700]], then = \"hold\" }\n";
        let spec = read(&format!("[policy]\nplace = \"power-cap\"\n{host}")).unwrap();
        assert!(spec.host.cap_w.is_some());
        assert_eq!(spec.planned_cap(), spec.host.cap_w.as_ref());
        assert_eq!(parse(&spec.to_toml(), "again", Vec::new()).unwrap(), spec);
        assert!(read(host).unwrap().planned_cap().is_none());
        let place = "place = { kind = \"power-cap\", cap-w = 900 }";
        let two = shown(&format!("[policy]\n{place}\n{host}"));
        assert!(two[0].starts_with("GLN-674 x.toml, [policy] place.cap-w: the policy plans"));
        let odd = "[host]\ncap-w = -1\npower = \"always-peak\"\noversubscription = \"floored\"\n";
        let all = shown(odd);
        assert!(all[0].starts_with("GLN-214 x.toml, [host] cap-w: must be a power above 0"));
        assert!(all[1].starts_with("GLN-675 x.toml, [host] power: "), "{all:?}");
        assert!(all[2].starts_with("GLN-675 x.toml, [host] oversubscription: "), "{all:?}");
        assert_eq!(all.len(), 3);
    }
}
