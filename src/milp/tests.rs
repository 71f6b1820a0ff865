//! Answers against enumeration, and promises to the caller.

use super::*;

/// Values at which a programme of two columns from 0 to 6 costs least, by trying all.
fn enumerated(programme: &Programme) -> Option<f64> {
    let all = (0..49).map(|n| [f64::from(n / 7), f64::from(n % 7)]);
    let costs = all.filter(|values| programme.holds(values)).map(|values| programme.cost(&values));
    costs.min_by(f64::total_cmp)
}

fn programme(costs: [f64; 2], rows: &[(f64, f64, f64)]) -> Programme {
    let mut programme = Programme::default();
    let [x, y] = costs.map(|cost| programme.whole(cost, 0.0, 6.0));
    for &(a, b, high) in rows {
        programme.at_most(high, [(x, a), (y, b)]);
    }
    programme
}

#[test]
fn answers_are_those_of_enumeration_and_bounds_lie_below() {
    for seed in 0..60_u32 {
        let digit = |place: u32| f64::from((seed.wrapping_mul(2_654_435_761) >> (4 * place)) % 9);
        let rows = [
            (digit(0) + 1.0, digit(1), 3.0 * digit(2) + 5.0),
            (-digit(3), digit(4) + 1.0, digit(5)),
        ];
        let programme = programme([-digit(1) - 0.5, -digit(6)], &rows);
        let best = enumerated(&programme).expect("nothing at all obeys");
        let found = programme.solve(Some(&[0.0, 0.0]), Limits { gap: 0.0, ..Limits::default() });
        let found = found.expect("the start obeys");
        assert!(programme.holds(&found.values));
        if SOLVER.is_some() {
            assert!((found.cost - best).abs() < 1e-9, "seed {seed}: {found:?}, best {best}");
            assert_eq!(found.status, Status::Proved);
        } else {
            assert_eq!(found.status, Status::NoSolver);
        }
        assert!(found.bound.is_none_or(|bound| bound <= best + 1e-9));
    }
}

#[test]
fn equal_rows_and_lower_bounds_of_rows_hold() {
    let mut programme = Programme::default();
    let x = programme.whole(1.0, 0.0, 9.0);
    let y = programme.any(1.5, 0.0, 9.0);
    programme.equal(7.5, [(x, 1.0), (y, 1.0)]);
    programme.at_least(2.0, [(y, 1.0)]);
    let found = programme.solve(Some(&[0.0, 7.5]), Limits::default()).unwrap();
    if SOLVER.is_some() {
        assert!((found.cost - (5.0 + 1.5 * 2.5)).abs() < 1e-6, "{found:?}");
    } else {
        assert_eq!(found.values, [0.0, 7.5]);
    }
}

#[test]
fn what_nobody_can_obey_is_said_to_be_so() {
    let mut programme = programme([1.0, 1.0], &[(1.0, 1.0, 3.0)]);
    programme.at_least(4.0, [(Column::of(0), 1.0), (Column::of(1), 1.0)]);
    let nothing = programme.solve(Some(&[0.0, 0.0]), Limits::default()).unwrap_err();
    let expected = if SOLVER.is_some() { Status::Infeasible } else { Status::NoSolver };
    assert_eq!(nothing.status, expected);
}

#[test]
fn a_search_without_time_returns_the_start() {
    let mut programme = Programme::default();
    let columns: Vec<Column> =
        (0..40).map(|n| programme.whole(-f64::from(n % 7) - 1.0, 0.0, 1.0)).collect();
    let weights = |at: usize| ((at * 7919) % 97 + 3) as f64;
    programme.at_most(400.0, columns.iter().enumerate().map(|(at, &c)| (c, weights(at))));
    let mut start = vec![0.0; 40];
    start[6] = 1.0;
    let limits = Limits { time: Some(Duration::ZERO), ..Limits::default() };
    let found = programme.solve(Some(&start), limits).unwrap();
    assert!(found.cost <= -7.0);
}

#[test]
fn values_that_break_a_row_do_not_hold() {
    let programme = programme([1.0, 1.0], &[(1.0, 1.0, 3.0)]);
    assert!(programme.holds(&[1.0, 2.0]));
    assert!(!programme.holds(&[2.0, 2.0]), "the row");
    assert!(!programme.holds(&[-1.0, 0.0]), "a lower bound");
    assert!(!programme.holds(&[0.5, 0.0]), "not whole");
    assert!(!programme.holds(&[0.0]), "too few");
}
