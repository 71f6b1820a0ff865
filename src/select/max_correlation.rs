//! MC, maximum correlation: the VM whose load is best explained by that of its neighbours.
//!
//! ```text
//! argmax R^2_i      R^2_i = 1 - RSS / TSS of regressing h_i on the histories of all other VMs
//! ```
//!
//! `h_i`: past utilisation of VM `i`; ordinary least squares with an intercept. VMs that peak
//! together are what makes a host run short. With fewer samples than VMs, one VM, or a singular
//! system the choice is that of MMT. Histories are those of at most 30 samples.
//!
//! Source: Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 24(13), 2012, sect. 6.7,
//! after Verma et al., USENIX ATC 2009. Householder QR with the intercept as first column,
//! "singular" = an exactly zero diagonal, newest sample first: CloudSim's order of operations.

use super::{Mmt, VmSelector};
use crate::id::{HostId, VmId};
use crate::model::Snapshot;
use crate::model::history::WINDOW;
use crate::policy::PolicyError;

/// Maximum correlation.
#[derive(Debug, Clone, Default)]
pub struct MaxCorrelation;

impl VmSelector for MaxCorrelation {
    fn name(&self) -> &str {
        "mc"
    }
    fn pick(
        &mut self,
        host: HostId,
        candidates: &[VmId],
        state: &Snapshot<'_>,
    ) -> Result<Option<VmId>, PolicyError> {
        let samples =
            candidates.iter().map(|&vm| state.histories.len(vm)).min().unwrap_or(0).min(WINDOW);
        if candidates.len() < 2 || samples < candidates.len() {
            return Mmt.pick(host, candidates, state);
        }
        let rows: Vec<Vec<f64>> = candidates
            .iter()
            .map(|&vm| state.histories.of(vm).iter().rev().take(samples).copied().collect())
            .collect();
        match clearly_most_explained(&rows).or_else(|| most_explained(&rows)) {
            Some(row) => Ok(Some(candidates[row])),
            None => Mmt.pick(host, candidates, state),
        }
    }
}

/// How far apart two R^2, and a pivot and zero, must be to be told apart without the reference's
/// order of operations.
const CLEAR: f64 = 1e-6;

/// The row with the largest R^2 where that can be told from one factorisation of the correlation
/// matrix `C` of all rows, by `R^2_i = 1 - 1 / (C^-1)_ii` (the variance inflation factors); `None`
/// where it is ill-conditioned or two rows are too close to call.
fn clearly_most_explained(rows: &[Vec<f64>]) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    let mut second = 0.0f64;
    for (row, inflation) in inverse_diagonal(correlations(rows)?)?.into_iter().enumerate() {
        let explained = 1.0 - 1.0 / inflation;
        match best {
            Some((most, _)) if explained <= most => second = second.max(explained),
            _ => {
                second = best.map_or(0.0, |(most, _)| most);
                best = Some((explained, row));
            }
        }
    }
    best.filter(|&(most, _)| most - second > CLEAR).map(|(_, row)| row)
}

/// The correlation matrix of `rows`, `None` if one of them is constant.
fn correlations(rows: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let mut centred = Vec::with_capacity(rows.len());
    for row in rows {
        let mean = row.iter().sum::<f64>() / row.len() as f64;
        let size = row.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>().sqrt();
        if size < CLEAR {
            return None;
        }
        centred.push(row.iter().map(|v| (v - mean) / size).collect::<Vec<f64>>());
    }
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    Some(centred.iter().map(|a| centred.iter().map(|b| dot(a, b)).collect()).collect())
}

/// The diagonal of the inverse of the symmetric positive definite `matrix`, by its Cholesky factor;
/// `None` if a pivot is not clearly positive.
fn inverse_diagonal(mut matrix: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let size = matrix.len();
    for column in 0..size {
        for row in column..size {
            let (done, rest) = matrix.split_at(row);
            let other = if row == column { &rest[0] } else { &done[column] };
            let dot: f64 = rest[0][..column].iter().zip(&other[..column]).map(|(a, b)| a * b).sum();
            let value = rest[0][column] - dot;
            if row == column && value < CLEAR {
                return None;
            }
            let pivot = if row == column { value.sqrt() } else { matrix[column][column] };
            matrix[row][column] = value / pivot;
        }
    }
    let (mut diagonal, mut solution) = (vec![0.0; size], vec![0.0; size]);
    for (unit, squares) in diagonal.iter_mut().enumerate() {
        for row in unit..size {
            let known: f64 = (unit..row).map(|k| matrix[row][k] * solution[k]).sum();
            let right = if row == unit { 1.0 } else { 0.0 };
            solution[row] = (right - known) / matrix[row][row];
            *squares += solution[row] * solution[row];
        }
    }
    Some(diagonal)
}

/// The first row with the largest positive R^2, row 0 if there is none; `None` if a system is
/// singular.
fn most_explained(rows: &[Vec<f64>]) -> Option<usize> {
    let mut best = (f64::from_bits(1), 0);
    for target in 0..rows.len() {
        let others = (0..rows.len()).filter(|&i| i != target).map(|i| rows[i].as_slice());
        let explained = coefficient_of_determination(&rows[target], others)?;
        if explained > best.0 {
            best = (explained, target);
        }
    }
    Some(best.1)
}

/// R^2 of regressing `y` on `columns` with an intercept; `None` if singular.
fn coefficient_of_determination<'a>(
    y: &[f64],
    columns: impl Iterator<Item = &'a [f64]>,
) -> Option<f64> {
    let design: Vec<Vec<f64>> =
        std::iter::once(vec![1.0; y.len()]).chain(columns.map(<[f64]>::to_vec)).collect();
    let coefficients = least_squares(design.clone(), y)?;
    let residual = |row: usize| {
        let fitted: f64 = design.iter().zip(&coefficients).map(|(x, b)| x[row] * b).sum();
        y[row] - fitted
    };
    let unexplained: f64 = (0..y.len()).map(|row| residual(row) * residual(row)).sum();
    let centre = y.iter().sum::<f64>() / y.len() as f64;
    let total: f64 = y.iter().map(|v| (v - centre) * (v - centre)).sum();
    Some(1.0 - unexplained / total)
}

/// Solves min |X b - y| by Householder reflections, column by column; `columns` holds X.
fn least_squares(mut columns: Vec<Vec<f64>>, y: &[f64]) -> Option<Vec<f64>> {
    let mut rhs = y.to_vec();
    let mut diagonal = vec![0.0; columns.len()];
    for pivot in 0..columns.len() {
        let (done, rest) = columns.split_at_mut(pivot + 1);
        let reflector = &mut done[pivot];
        let norm = reflector[pivot..].iter().map(|v| v * v).sum::<f64>().sqrt();
        let alpha = if reflector[pivot] > 0.0 { -norm } else { norm };
        diagonal[pivot] = alpha;
        if alpha == 0.0 {
            continue;
        }
        reflector[pivot] -= alpha;
        let scale = alpha * reflector[pivot];
        for column in rest.iter_mut().chain(std::iter::once(&mut rhs)) {
            let dot: f64 =
                column[pivot..].iter().zip(&reflector[pivot..]).map(|(a, b)| a * b).sum();
            let factor = dot / scale;
            for (value, v) in column[pivot..].iter_mut().zip(&reflector[pivot..]) {
                *value += factor * v;
            }
        }
    }
    back_substitute(&columns, &diagonal, rhs)
}

fn back_substitute(columns: &[Vec<f64>], diagonal: &[f64], mut rhs: Vec<f64>) -> Option<Vec<f64>> {
    let unknowns = diagonal.len();
    let mut solution = vec![0.0; unknowns];
    for row in (0..unknowns).rev() {
        if diagonal[row] == 0.0 {
            return None;
        }
        solution[row] = rhs[row] / diagonal[row];
        for above in 0..row {
            rhs[above] -= solution[row] * columns[row][above];
        }
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// y on x = 1, 2, 3 with y = 1, 2, 2: slope .5, RSS = 1/6, TSS = 2/3, R^2 = .75.
    #[test]
    fn r_squared_of_three_points() {
        let r2 = coefficient_of_determination(&[1.0, 2.0, 2.0], [&[1.0, 2.0, 3.0][..]].into_iter());
        assert!((r2.unwrap() - 0.75).abs() < 1e-14);
    }

    /// Rows 0 and 2 move together (row 2 with a little noise), row 1 is independent of both.
    #[test]
    fn the_vm_that_follows_the_others_is_chosen() {
        let a = [0.1, 0.5, 0.3, 0.7, 0.2, 0.6];
        let b = [0.4, 0.4, 0.5, 0.4, 0.5, 0.5];
        let c = [0.11, 0.50, 0.31, 0.69, 0.20, 0.61];
        assert_ne!(most_explained(&[a.to_vec(), b.to_vec(), c.to_vec()]), Some(1));
    }

    /// 200 hosts of 2 to 9 pseudo-random rows: where the quick way answers it agrees with the
    /// regressions.
    #[test]
    fn the_quick_choice_is_that_of_the_regressions() {
        let mut stream = crate::random::stream(1, "test");
        let mut clear = 0;
        for host in 0..200 {
            let mut row =
                || (0..30).map(|_| crate::random::below(100, &mut stream) as f64).collect();
            let rows: Vec<Vec<f64>> = (0..2 + host % 8).map(|_| row()).collect();
            if let Some(quick) = clearly_most_explained(&rows) {
                assert_eq!(Some(quick), most_explained(&rows));
                clear += 1;
            }
        }
        assert!(clear > 150, "{clear}");
    }

    #[test]
    fn an_all_zero_neighbour_makes_the_system_singular() {
        let rows = [vec![0.1, 0.5, 0.3, 0.2], vec![0.0; 4], vec![0.3, 0.1, 0.2, 0.6]];
        assert_eq!(most_explained(&rows), None);
    }
}
