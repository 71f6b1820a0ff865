//! Which values of a placer make sense.

use crate::model::history::WINDOW;
use crate::place::{After, PlacerSpec, RiskFitSpec};
use crate::problem::Problem;

/// Every value of `placer` that is out of its range; `place` words the file and field.
pub(super) fn problems(placer: &PlacerSpec, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
    let neat = match placer {
        PlacerSpec::NeatBestFitDecreasing(neat) => neat,
        PlacerSpec::RiskFit(risk) => return of_risk(risk, place),
        _ => return Vec::new(),
    };
    let mut problems = Vec::new();
    for (key, limit) in [("cpu-limit", neat.cpu_limit), ("ram-limit", neat.ram_limit)] {
        if !(limit > 0.0 && limit <= 1.0) {
            let what = format!("must be above 0 and at most 1, found {limit}");
            let at = place(&format!("[policy] place.{key}"));
            problems.push(Problem::new("GLN-203", at, what, "Write a value such as 0.8"));
        }
    }
    if !(1..=WINDOW).contains(&neat.last_n) {
        let what = format!("must be between 1 and {WINDOW}, found {}", neat.last_n);
        let at = place("[policy] place.last-n");
        problems.push(Problem::new("GLN-203", at, what, "Write a value such as 2"));
    }
    problems
}

fn of_risk(risk: &RiskFitSpec, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
    let After { limit, horizon, factor } = risk.after;
    let (threshold, horizon) = (risk.threshold, f64::from(horizon));
    let ranges = [
        ("threshold", threshold, threshold > 0.0 && threshold <= 1.0, "above 0 and at most 1"),
        ("limit", limit, limit > 0.0 && limit.is_finite(), "a number above 0"),
        ("factor", factor, factor > 0.0 && factor.is_finite(), "a number above 0"),
        ("horizon", horizon, horizon >= 1.0, "at least 1"),
    ];
    let wrong = ranges.into_iter().filter(|(_, _, fine, _)| !fine);
    wrong
        .map(|(key, value, _, expected)| {
            let at = place(&format!("[policy] place.{key}"));
            let what = format!("must be {expected}, found {value}");
            Problem::new("GLN-203", at, what, "Leave it out for the default")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::spec::parse;

    #[test]
    fn limits_of_neat_out_of_range_are_all_reported() {
        let text = "[policy]\nplace = { kind = \"neat-best-fit-decreasing\", cpu-limit = 0, \
                    ram-limit = 1.01, last-n = 31 }\n";
        let problems = parse(text, "x.toml", Vec::new()).unwrap_err().problems;
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 3, "{shown:#?}");
        assert!(shown[0].starts_with("GLN-203 x.toml, [policy] place.cpu-limit: must be above 0"));
        assert!(shown[2].contains("must be between 1 and 30, found 31"), "{}", shown[2]);
    }

    #[test]
    fn limits_of_a_risk_out_of_range_are_all_reported() {
        let text = "[policy]\nplace = { kind = \"risk-fit\", threshold = 0, limit = -1, \
                    factor = nan, horizon = 0 }\n";
        let problems = parse(text, "x.toml", Vec::new()).unwrap_err().problems;
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 4, "{shown:#?}");
        assert!(shown[0].starts_with("GLN-203 x.toml, [policy] place.threshold: must be above 0"));
    }
}
