//! The windows from which MHOD estimates how likely one state follows another.
//!
//! Neat keeps everything in state that it updates row by row; here a row is judged from its windows
//! when it is asked about. So of a call that updates one row, that row is compared, and the others
//! of the record are held to be unchanged there.

use galerna::detect::mhod::multisize::{
    Multisize, acceptable_variance, last_accepted, mean, variance,
};
use serde_json::Value;

use super::cases::{Case, items, map, number, numbers, of, same, whole, wholes};

fn cases(name: &str, expected: usize) -> Vec<Case> {
    of(&format!("locals.overload.mhod.multisize_estimation.{name}"), expected)
}

/// The window sizes of a structure of windows, from state by state and size by size.
fn sizes(structure: &Value) -> Vec<usize> {
    map(&structure[0][0]).into_iter().map(|(size, _)| size).collect()
}

/// Windows that hold these estimates.
pub fn with_estimates(structure: &Value) -> Multisize {
    let states = items(structure).len();
    let mut windows = Multisize::new(&sizes(structure), states);
    for (from, row) in items(structure).iter().enumerate() {
        for (to, cell) in items(row).iter().enumerate() {
            for (size, (_, estimates)) in map(cell).into_iter().enumerate() {
                let estimates = numbers(&estimates).into_iter();
                estimates.for_each(|p| windows.add_estimate(from, to, size, p));
            }
        }
    }
    windows
}

/// Compares `found` with every number, or list, of row `from` of `structure`.
fn compare(structure: &Value, from: usize, found: impl Fn(usize, usize) -> Vec<f64>) {
    for (to, cell) in items(&structure[from]).iter().enumerate() {
        for (size, (_, expected)) in map(cell).into_iter().enumerate() {
            let expected =
                if expected.is_array() { numbers(&expected) } else { vec![number(&expected)] };
            same(&found(to, size), &expected, &format_args!("{from} to {to}, size {size}"));
        }
    }
}

/// Compares all estimates, variances and acceptable variances of `state` with `windows`.
pub fn compare_all(state: &Value, windows: &Multisize, states: usize) {
    for from in 0..states {
        compare(&state["estimate_windows"], from, |to, size| {
            windows.estimate_window(from, to, size).to_vec()
        });
        compare(&state["variances"], from, |to, size| vec![windows.variance(from, to, size)]);
        compare(&state["acceptable_variances"], from, |to, size| {
            vec![windows.acceptable_variance(from, to, size)]
        });
        let requests = windows.request_window(from).iter().map(|&to| usize::from(to));
        let requests: Vec<usize> = requests.collect();
        assert_eq!(requests, wholes(&state["request_windows"][from]));
    }
}

#[test]
fn moments_of_a_window() {
    for case in cases("mean", 3) {
        assert_eq!(mean(&numbers(&case.args[0]), whole(&case.args[1])), number(&case.result));
    }
    for case in cases("variance", 3) {
        assert_eq!(variance(&numbers(&case.args[0]), whole(&case.args[1])), number(&case.result));
    }
    for case in cases("acceptable_variance", 1) {
        let found = acceptable_variance(number(&case.args[0]), whole(&case.args[1]));
        assert_eq!(found, number(&case.result));
    }
}

#[test]
fn an_estimate_is_the_share_of_a_successor() {
    for case in cases("estimate_probability", 2) {
        let (size, to) = (whole(&case.args[1]), whole(&case.args[2]));
        let mut windows = Multisize::new(&[size], 2);
        wholes(&case.args[0]).into_iter().for_each(|next| windows.request(0, next));
        windows.estimate(0);
        assert_eq!(windows.estimate_window(0, to, 0), [number(&case.result)]);
    }
}

#[test]
fn at_first_all_windows_are_empty() {
    for case in cases("init_request_windows", 2) {
        let (states, longest) = (whole(&case.args[0]), whole(&case.args[1]));
        let windows = Multisize::new(&[longest], states);
        let found = (0..states).map(|from| windows.request_window(from).to_vec());
        let found: Vec<Vec<u8>> = found.collect();
        assert_eq!(serde_json::json!(found), case.result);
    }
    for case in cases("init_deque_structure", 1) {
        let (sizes, states) = (wholes(&case.args[0]), whole(&case.args[1]));
        let windows = Multisize::new(&sizes, states);
        for from in 0..states {
            compare(&case.result, from, |to, size| {
                windows.estimate_window(from, to, size).to_vec()
            });
        }
    }
    for case in cases("init_variances", 2) {
        let (sizes, states) = (wholes(&case.args[0]), whole(&case.args[1]));
        let windows = Multisize::new(&sizes, states);
        for from in 0..states {
            compare(&case.result, from, |to, size| vec![windows.variance(from, to, size)]);
        }
    }
    for case in cases("init_selected_window_sizes", 1) {
        let windows = Multisize::new(&wholes(&case.args[0]), whole(&case.args[1]));
        compare_selected(&windows, &case.result);
    }
}

/// Compares the selected window sizes.
pub fn compare_selected(windows: &Multisize, expected: &Value) {
    for (from, row) in items(expected).iter().enumerate() {
        for (to, size) in items(row).iter().enumerate() {
            assert_eq!(windows.selected(from, to), whole(size), "from {from} to {to}");
        }
    }
}

/// The record does not hold how many requests a window takes: 4 where one grew, else 2.
#[test]
fn a_request_enters_the_window_of_the_state_that_was_left() {
    for case in cases("update_request_windows", 13) {
        let (before, from, to) = (&case.args[0], whole(&case.args[1]), whole(&case.args[2]));
        let lengths = items(&case.result).iter().map(|window| items(window).len());
        let grew = lengths.max() == Some(3);
        let states = items(before).len();
        let mut windows = Multisize::new(&[if grew { 4 } else { 2 }], states);
        for (state, window) in items(before).iter().enumerate() {
            wholes(window).into_iter().for_each(|next| windows.request(state, next));
        }
        windows.request(from, to);
        for (state, expected) in items(&case.result).iter().enumerate() {
            let found = windows.request_window(state).iter().map(|&next| usize::from(next));
            assert_eq!(found.collect::<Vec<_>>(), wholes(expected));
        }
    }
}

/// The rows of the record but `from` are as they were.
fn others_unchanged(case: &Case, from: usize) {
    for (row, (before, after)) in items(&case.args[0]).iter().zip(items(&case.result)).enumerate() {
        assert!(row == from || before == after, "row {row}");
    }
}

#[test]
fn estimates_enter_the_windows_of_the_state_that_was_left() {
    for case in cases("update_estimate_windows", 3) {
        let from = whole(&case.args[2]);
        let mut windows = with_estimates(&case.args[0]);
        for (state, window) in items(&case.args[1]).iter().enumerate() {
            wholes(window).into_iter().for_each(|next| windows.request(state, next));
        }
        windows.estimate(from);
        compare(&case.result, from, |to, size| windows.estimate_window(from, to, size).to_vec());
        others_unchanged(&case, from);
    }
}

#[test]
fn variances_of_the_state_that_was_left() {
    for case in cases("update_variances", 3) {
        let (windows, from) = (with_estimates(&case.args[1]), whole(&case.args[2]));
        compare(&case.result, from, |to, size| vec![windows.variance(from, to, size)]);
        others_unchanged(&case, from);
    }
    for case in cases("update_acceptable_variances", 3) {
        let (windows, from) = (with_estimates(&case.args[1]), whole(&case.args[2]));
        compare(&case.result, from, |to, size| vec![windows.acceptable_variance(from, to, size)]);
        others_unchanged(&case, from);
    }
}

#[test]
fn the_last_accepted_size_is_selected() {
    for case in cases("select_window", 1) {
        let sizes = wholes(&case.args[2]);
        for (from, row) in items(&case.result).iter().enumerate() {
            for (to, expected) in items(row).iter().enumerate() {
                let of = |which: usize| map(&case.args[which][from][to]);
                let (variances, limits) = (of(0), of(1));
                let accepted = |size: usize| number(&variances[size].1) <= number(&limits[size].1);
                assert_eq!(sizes[last_accepted(sizes.len(), accepted)], whole(expected));
            }
        }
    }
}

#[test]
fn a_probability_is_the_newest_estimate_of_the_selected_size() {
    for case in cases("select_best_estimates", 2) {
        let mut windows = with_estimates(&case.args[0]);
        for (from, row) in items(&case.args[1]).iter().enumerate() {
            for (to, size) in items(row).iter().enumerate() {
                windows.set_selected(from, to, whole(size));
            }
        }
        let expected: Vec<Vec<f64>> = items(&case.result).iter().map(numbers).collect();
        assert_eq!(windows.transitions(), expected);
    }
}
