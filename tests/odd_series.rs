//! Series that are empty, short, constant, unknown or above 100 %: every forecaster has a defined
//! answer to them.

use galerna::forecast::{Asked, Forecaster, ForecasterSpec, Panel};

/// Every built-in forecaster that needs no library, with a typical parameter.
const NAMES: [&str; 20] = [
    "last",
    "mean-12",
    "median-12",
    "median-96",
    "max-6",
    "quantile-48",
    "ewma-0.3",
    "holt",
    "holt-damped",
    "ses",
    "ar-1",
    "ar-6",
    "ar-12",
    "markov",
    "seasonal",
    "seasonal-anchored",
    "lqr",
    "ridge",
    "selector-plain",
    "selector",
];

/// `name` fitted to series of noise.
fn fitted(name: &str, asked: &Asked) -> Box<dyn Forecaster> {
    let noise = |at: usize| ((at * 7_919 + at / 97 * 104_729) % 101) as f32 / 100.0;
    let panel = Panel::new(12, (0..12 * 300).map(noise).collect()).expect("there are series");
    let spec = ForecasterSpec::named(name).expect("it is known");
    let mut forecaster = spec.build(asked, 48);
    forecaster.fit(&panel, &panel).expect("it is fitted");
    forecaster
}

/// What is forecast after `values`.
fn after(forecaster: &dyn Forecaster, values: &[f32]) -> Vec<f32> {
    let (mut bank, mut row) = (forecaster.bank(1), vec![0.0; forecaster.asked().width()]);
    values.iter().for_each(|&value| bank.update(&[value]));
    bank.predict(&mut row);
    row
}

/// Points, and quantiles where the forecaster has any, are numbers in `[0, 1]`; quantiles ascend.
#[test]
fn every_forecaster_answers_odd_series_within_bounds() {
    let asked = Asked::default();
    let (per, nan) = (asked.per_horizon(), f32::NAN);
    let odd: [(&str, Vec<f32>); 8] = [
        ("nothing", vec![]),
        ("one sample", vec![0.4]),
        ("constant", vec![0.4; 120]),
        ("zeros", vec![0.0; 120]),
        ("unknown", vec![nan; 120]),
        ("half unknown", (0..120).map(|k| if k % 2 == 0 { 0.3 } else { nan }).collect()),
        ("above 100 %", (0..120).map(|k| 0.9 + 0.02 * (k % 50) as f32).collect()),
        ("infinite and negative", vec![f32::INFINITY, -1.0, 0.5, f32::NEG_INFINITY]),
    ];
    for name in NAMES {
        let forecaster = fitted(name, &asked);
        for (what, values) in &odd {
            for row in after(&*forecaster, values).chunks_exact(per) {
                assert!((0.0..=1.0).contains(&row[0]), "{name}, {what}: {row:?}");
                let levels = &row[1..];
                if forecaster.has_quantiles() {
                    assert!(levels.iter().all(|q| (0.0..=1.0).contains(q)), "{name}, {what}");
                    assert!(levels.is_sorted(), "{name}, {what}: {levels:?}");
                } else {
                    assert!(levels.iter().all(|q| q.is_nan()), "{name}, {what}: {levels:?}");
                }
            }
        }
    }
}

/// The documented fallback: fewer samples than `min_history` are forecast by the last that is
/// known, none by 0.
#[test]
fn a_short_series_is_forecast_by_its_last_value() {
    let asked = Asked::default();
    for name in NAMES {
        let forecaster = fitted(name, &asked);
        for (values, expected) in
            [(&[][..], 0.0), (&[0.2, 0.7], 0.7), (&[0.7, f32::NAN], 0.7), (&[f32::NAN], 0.0)]
        {
            let points = after(&*forecaster, values);
            let points = points.chunks_exact(asked.per_horizon()).map(|row| row[0]);
            assert!(points.into_iter().all(|point| point == expected), "{name}: {values:?}");
        }
    }
}

/// A panel of nothing, and one whose rows are not of one length, are refused.
#[test]
fn a_panel_of_nothing_is_refused() {
    for (vms, values) in [(0, vec![]), (3, vec![]), (3, vec![0.1; 7])] {
        let told = Panel::new(vms, values).expect_err("it is no panel").to_string();
        assert!(told.starts_with("GLN-164"), "{told}");
    }
}
