//! How long will a host stay in each state before a VM migrates?
//!
//! ```text
//! L = p0 (I - diag(1 - m) P)^-1
//! ```
//!
//! `P`: probability that state `j` follows state `i` within one sample; `p0`: the state now, as a
//! vector with a single 1; `m`: probability to migrate in each state; `L_i`: expected samples in
//! state `i`, the present one included.
//!
//! Source: Beloglazov and Buyya, IEEE Trans. Parallel Distrib. Syst. 24(7), 2013, after the state
//! times of Benini et al., IEEE Trans. CAD 18(6), 1999. OpenStack Neat holds the case of two states
//! as two closed formulas, [`two_states`]; both are the same but for rounding.

/// `L` for any number of states; `None` where the matrix is singular, as it is when the host never
/// leaves a set of states in which nothing migrates.
pub fn expected_times(now: usize, transitions: &[Vec<f64>], migrate: &[f64]) -> Option<Vec<f64>> {
    let states = transitions.len();
    // Column j of the matrix is an equation: L_j = p0_j + sum L_i (1 - m_i) P_ij.
    let mut rows: Vec<Vec<f64>> = (0..states)
        .map(|j| {
            let entry = |i: usize| f64::from(i == j) - (1.0 - migrate[i]) * transitions[i][j];
            (0..states).map(entry).chain([f64::from(j == now)]).collect()
        })
        .collect();
    for pivot in 0..states {
        let size = |&row: &usize| rows[row][pivot].abs();
        let best = (pivot..states).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        rows.swap(pivot, best);
        if rows[pivot][pivot] == 0.0 {
            return None;
        }
        let (done, below) = rows.split_at_mut(pivot + 1);
        for row in below {
            let factor = row[pivot] / done[pivot][pivot];
            for (value, above) in row[pivot..].iter_mut().zip(&done[pivot][pivot..]) {
                *value -= factor * above;
            }
        }
    }
    let mut times = vec![0.0; states];
    for row in (0..states).rev() {
        let known: f64 = (row + 1..states).map(|i| rows[row][i] * times[i]).sum();
        times[row] = (rows[row][states] - known) / rows[row][row];
    }
    Some(times)
}

/// `L` for two states in the order of operations of OpenStack Neat; `None` where it divides by 0.
pub fn two_states(now: usize, transitions: &[Vec<f64>], migrate: &[f64]) -> Option<[f64; 2]> {
    let (p0, p1) = (f64::from(now == 0), f64::from(now == 1));
    let (p00, p01) = (transitions[0][0], transitions[0][1]);
    let (p10, p11) = (transitions[1][0], transitions[1][1]);
    let (m0, m1) = (migrate[0], migrate[1]);
    let divisor = p00 * (m1 * (p11 - m0 * p11) - p11 + m0 * (p11 - 1.0) + 1.0) - m1 * p11
        + p11
        + (m1 * (m0 * p01 - p01) - m0 * p01 + p01) * p10
        - 1.0;
    if divisor == 0.0 {
        return None;
    }
    let first = (p0 * (-m1 * p11 + p11 - 1.0) + (m1 * p1 - p1) * p10) / divisor;
    let second = -(p00 * (m0 * p1 - p1) + p1 + p0 * (p01 - m0 * p01)) / divisor;
    Some([first, second])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, stream};

    /// Always migrating: only the present sample. Never migrating with P = (1/2 1/2; 1/4 1/2), from
    /// 1: L0 = L0/2 + L1/4, L1 = 1 + L0/2 + L1/2, so L1 = 2 L0 and L0 = 2, L1 = 4.
    #[test]
    fn a_host_stays_as_long_as_it_is_left_alone() {
        let transitions = [vec![0.5, 0.5], vec![0.25, 0.5]];
        let close = |found: &[f64], expected: [f64; 2]| {
            found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-14));
        };
        close(&expected_times(1, &transitions, &[1.0, 1.0]).unwrap(), [0.0, 1.0]);
        close(&expected_times(1, &transitions, &[0.0, 0.0]).unwrap(), [2.0, 4.0]);
        close(&two_states(1, &transitions, &[0.0, 0.0]).unwrap(), [2.0, 4.0]);
    }

    #[test]
    fn a_host_that_never_leaves_has_no_expected_time() {
        let certain = [vec![0.5, 0.5], vec![0.5, 0.5]];
        assert_eq!(expected_times(0, &certain, &[0.0, 0.0]), None);
        assert_eq!(two_states(0, &certain, &[0.0, 0.0]), None);
    }

    #[test]
    fn the_closed_formulas_are_the_inverse() {
        let mut stream = stream(1, "test");
        let mut share = |most: f64| most * below(1000, &mut stream) as f64 / 1000.0;
        for _ in 0..1000 {
            let row = |a: f64, b: f64| vec![a, (1.0 - a) * b];
            let transitions = [row(share(1.0), share(0.9)), row(share(1.0), share(0.9))];
            let migrate = [share(1.0), share(1.0)];
            for now in 0..2 {
                let general = expected_times(now, &transitions, &migrate).unwrap();
                let closed = two_states(now, &transitions, &migrate).unwrap();
                for (a, b) in general.iter().zip(closed) {
                    assert!((a - b).abs() < 1e-9 * (1.0 + a.abs()), "{a} {b} {transitions:?}");
                }
            }
        }
    }

    /// A chain 0 > 1 > 2 > 0 with probability 1/2 each, from 0: L0 = 1 + L2/2, L1 = L0/2,
    /// L2 = L1/2, so L0 = 8/7, L1 = 4/7, L2 = 2/7.
    #[test]
    fn three_states_in_a_ring() {
        let step = |to: usize| (0..3).map(|j| if j == to { 0.5 } else { 0.0 }).collect();
        let times = expected_times(0, &[step(1), step(2), step(0)], &[0.0; 3]).unwrap();
        for (time, sevenths) in times.iter().zip([8.0, 4.0, 2.0]) {
            assert!((time - sevenths / 7.0).abs() < 1e-15);
        }
    }
}
