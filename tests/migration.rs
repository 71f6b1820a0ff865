//! Does the migration model agree with real migrations? Predictions of the same model by other
//! hands, row by row, and measurements, by family.

mod shared;

use std::collections::BTreeMap;
use std::fs;

use galerna::migrate::evaluate::{Accuracy, Family, PLAIN, evaluate};
use galerna::migrate::fit::fit;
use galerna::migrate::measurement::{Measurement, read_measurements};
use galerna::migrate::parameters::Parameters;
use galerna::migrate::{MigrationModel, PreCopy};

fn measurements() -> Option<Vec<Measurement>> {
    let path = shared::file("traces/qemu-migrations/calibrate.csv")?;
    Some(read_measurements(&path).expect("the published measurements are whole"))
}

/// Rows in which the golden predictions' overlap exceeds what was dirtied.
const UNBOUNDED: [&str; 2] = ["c064", "c067"];

/// The prediction of another implementation of the same model, to the last digit that it wrote.
/// Deliberate differences: that one gave a migration that never ends 1,500 rounds of time and
/// bytes, which is no property of the migration (here the fixed point is proven), and its count of
/// synchronisations is two more than rounds. In two rows with a downtime limit of 1 s it lets more
/// pages of the first pass be dirtied again than were dirtied at all; here they are bounded.
#[test]
fn golden_predictions_are_met() {
    let Some(path) = shared::file("traces/qemu-migrations/golden_predictions.csv") else { return };
    let rows = measurements().expect("it stands beside");
    let rows: BTreeMap<&str, &Measurement> = rows.iter().map(|r| (r.row.as_str(), r)).collect();
    let text = fs::read_to_string(path).expect("it is readable");
    let parameters = Parameters::default();
    let mut compared = 0;
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |at: usize| cells[at].parse::<f64>().expect("a number");
        let task = rows[cells[0]].task(&parameters.guest);
        let answer = PreCopy.predict(&task, &parameters.constants, None).expect("built-in");
        let converged = answer.convergence.converged();
        assert_eq!(converged, number(6) == 1.0, "{line}");
        compared += 1;
        if converged && !UNBOUNDED.contains(&cells[0]) {
            let near = |a: f64, b: f64, tolerance: f64| (a - b).abs() <= tolerance;
            assert!(near(answer.total_s, number(3), 1e-6), "{line}: {answer:?}");
            assert!(near(answer.downtime_s, number(4), 1e-6), "{line}: {answer:?}");
            assert!(near(answer.bytes, number(5), 0.6), "{line}: {answer:?}");
            assert_eq!(f64::from(answer.rounds) + 2.0, number(7), "{line}");
        }
    }
    assert_eq!(compared, 44);
}

fn row(name: &str, a: &Accuracy) -> String {
    let percent = |v: Option<f64>| v.map_or("-".into(), |v| format!("{:.1} %", 100.0 * v));
    let ms = |v: Option<f64>| v.map_or("-".into(), |v| format!("{:.0} ms", 1e3 * v));
    format!(
        "{name:24} n {:3}  time {:>8} {:>9}  bytes {:>8} {:>9}  downtime {:>8} {:>8}  conv {}/{}",
        a.n,
        percent(a.time_median_rel),
        percent(a.time_p90_rel),
        percent(a.bytes_median_rel),
        percent(a.bytes_p90_rel),
        ms(a.downtime_median_abs_s),
        ms(a.downtime_p90_abs_s),
        a.convergence_correct,
        a.convergence_n
    )
}

fn shown(families: &BTreeMap<String, Family>) {
    for (name, family) in families {
        println!("== {name} ({})", family.model);
        family.models.iter().for_each(|(name, accuracy)| println!("{}", row(name, accuracy)));
    }
}

#[test]
fn fitted_constants_agree_with_measurements_and_with_unseen_ones() {
    let Some(rows) = measurements() else { return };
    let fit = fit(&rows, &Parameters::default(), 0).expect("there are enough");
    println!("loss {:?}\n{}", fit.loss, row("fitted", &fit.fitted));
    println!("{}", row("cross-validated", &fit.cross_validated));
    println!("{}", toml::to_string(&fit.constants).expect("numbers"));
    let at_most =
        |value: Option<f64>, most: f64| assert!(value <= Some(most), "{value:?} > {most}");
    for (accuracy, noise) in [(&fit.fitted, 1.0), (&fit.cross_validated, 1.1)] {
        at_most(accuracy.time_median_rel, 0.059 * noise);
        at_most(accuracy.time_p90_rel, 0.229 * noise);
        at_most(accuracy.bytes_median_rel, 0.005_5 * noise);
        at_most(accuracy.bytes_p90_rel, 0.023 * noise);
        at_most(accuracy.downtime_median_abs_s, 0.073 * noise);
        assert_eq!((accuracy.convergence_correct, accuracy.convergence_n), (52, 52));
    }
}

#[test]
fn every_family_is_predicted_better_by_its_model_than_by_the_plain_one() {
    let Some(rows) = measurements() else { return };
    let families = evaluate(&rows, &Parameters::default(), None).expect("built-in models answer");
    shown(&families);
    for (name, family) in &families {
        let (own, plain) = (&family.models[family.model], &family.models[PLAIN]);
        let score = |a: &Accuracy| {
            let wrong = 1.0 - a.convergence_correct as f64 / a.convergence_n as f64;
            let part = |v: Option<f64>| v.unwrap_or(0.0).min(10.0);
            wrong
                + part(a.time_median_rel)
                + part(a.bytes_median_rel)
                + part(a.downtime_median_abs_s)
        };
        // In no auto-converge run that was timed had the guest been slowed; in those that were
        // given up it was by 30 and 40 %.
        if name == "autoconv" {
            assert!(score(own) <= score(plain), "{name}: {own:?} is worse than {plain:?}");
            assert!(own.throttle_mean_abs < Some(0.03), "{own:?}");
            assert!(plain.throttle_mean_abs > Some(0.13), "{plain:?}");
        } else if !matches!(name.as_str(), "precopy" | "repeat") {
            assert!(score(own) < score(plain), "{name}: {own:?} is no better than {plain:?}");
        }
    }
}
