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
use crate::time::Instant;

/// Maximum correlation.
#[derive(Debug, Clone, Default)]
pub struct MaxCorrelation {
    correlations: Correlations,
    factor: Vec<f64>,
    solution: Vec<f64>,
}

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
        self.correlations.prepare(candidates, samples, state);
        if let Some(row) = self.clearly_most_explained(candidates) {
            return Ok(Some(candidates[row]));
        }
        let rows: Vec<Vec<f64>> = candidates
            .iter()
            .map(|&vm| state.histories.of(vm).iter().rev().take(samples).copied().collect())
            .collect();
        match most_explained(&rows) {
            Some(row) => Ok(Some(candidates[row])),
            None => Mmt.pick(host, candidates, state),
        }
    }
}

/// How far apart two R^2, and a pivot and zero, must be to be told apart without the reference's
/// order of operations.
const CLEAR: f64 = 1e-6;

impl MaxCorrelation {
    /// The row with the largest R^2 where that can be told from one factorisation of the
    /// correlation matrix `C` of all rows, by `R^2_i = 1 - 1 / (C^-1)_ii` (the variance inflation
    /// factors); `None` where it is ill-conditioned or two rows are too close to call.
    fn clearly_most_explained(&mut self, vms: &[VmId]) -> Option<usize> {
        if !self.correlations.between(vms, &mut self.factor) {
            return None;
        }
        factorise(&mut self.factor, vms.len())?;
        let mut best: Option<(f64, usize)> = None;
        let mut second = 0.0f64;
        for row in 0..vms.len() {
            let inflation = inverse_diagonal(&self.factor, vms.len(), row, &mut self.solution);
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
}

/// Correlations between the VMs of one host at one time. They serve until the host is done: its
/// VMs are picked one after the other from a list that only shrinks.
#[derive(Debug, Clone, Default)]
struct Correlations {
    at: Option<Instant>,
    samples: usize,
    vms: Vec<VmId>,
    /// Pasts with mean 0 and length 1, `samples` per VM; zeros of one that does not vary.
    centred: Vec<f64>,
    /// Row-major, one row per VM.
    matrix: Vec<f64>,
}

impl Correlations {
    /// Makes them those of the latest `samples` samples of `vms`, unless they are.
    fn prepare(&mut self, vms: &[VmId], samples: usize, state: &Snapshot<'_>) {
        let known = vms.iter().all(|vm| self.vms.contains(vm));
        if known && self.at == Some(state.now) && self.samples == samples {
            return;
        }
        (self.at, self.samples) = (Some(state.now), samples);
        self.vms.clear();
        self.vms.extend_from_slice(vms);
        self.centred.clear();
        for &vm in vms {
            let past = state.histories.latest(vm, samples);
            let mean = past.iter().sum::<f64>() / samples as f64;
            let size = past.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>().sqrt();
            let scale = if size < CLEAR { 0.0 } else { 1.0 / size };
            self.centred.extend(past.iter().map(|v| (v - mean) * scale));
        }
        let size = vms.len();
        self.matrix.clear();
        self.matrix.resize(size * size, 0.0);
        for (row, a) in self.centred.chunks_exact(samples).enumerate() {
            for (column, b) in self.centred.chunks_exact(samples).enumerate().take(row + 1) {
                let correlation = dot(a, b);
                self.matrix[row * size + column] = correlation;
                self.matrix[column * size + row] = correlation;
            }
        }
    }

    /// Writes the matrix of `vms` alone into `out`; `false` if one of them does not vary.
    fn between(&self, vms: &[VmId], out: &mut Vec<f64>) -> bool {
        out.clear();
        let size = self.vms.len();
        for vm in vms {
            let Some(row) = self.vms.iter().position(|known| known == vm) else { return false };
            let mut columns = vms.iter();
            // Both lists are in the order in which the VMs came to the host.
            for (known, &correlation) in self.vms.iter().zip(&self.matrix[row * size..]) {
                if columns.as_slice().first() == Some(known) {
                    columns.next();
                    out.push(correlation);
                }
            }
            if columns.next().is_some() || self.matrix[row * size + row] == 0.0 {
                return false;
            }
        }
        true
    }
}

/// The sum of products, four partial sums at a time.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, rest_a) = a.as_chunks::<4>();
    let (b, rest_b) = b.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..4 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// Turns the lower half of the symmetric positive definite `matrix` into its Cholesky factor;
/// `None` if a pivot is not clearly positive.
fn factorise(matrix: &mut [f64], size: usize) -> Option<()> {
    for row in 0..size {
        let (done, rest) = matrix.split_at_mut(row * size);
        let row_values = &mut rest[..=row];
        for (column, done) in done.chunks_exact(size).enumerate() {
            let known = dot(&row_values[..column], &done[..column]);
            row_values[column] = (row_values[column] - known) / done[column];
        }
        let pivot = row_values[row] - dot(&row_values[..row], &row_values[..row]);
        if pivot < CLEAR {
            return None;
        }
        row_values[row] = pivot.sqrt();
    }
    Some(())
}

/// Element `unit` of the diagonal of the inverse of the matrix with this Cholesky `factor`: the
/// squared length of the solution of `L x = e_unit`.
fn inverse_diagonal(factor: &[f64], size: usize, unit: usize, solution: &mut Vec<f64>) -> f64 {
    solution.clear();
    let mut squares = 0.0;
    for row in unit..size {
        let values = &factor[row * size..][..=row];
        let right = if row == unit { 1.0 } else { 0.0 };
        let value = (right - dot(&values[unit..row], solution)) / values[row];
        squares += value * value;
        solution.push(value);
    }
    squares
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
    use crate::id::IdVec;
    use crate::model::{Fleet, VmHistories};

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

    /// 200 hosts of 2 to 9 pseudo-random rows, picked from until two are left: where the quick way
    /// answers it agrees with the regressions.
    #[test]
    fn the_quick_choice_is_that_of_the_regressions() {
        let mut stream = crate::random::stream(1, "test");
        let (mut clear, fleet) = (0, Fleet::default());
        for case in 0..200 {
            let count = 2 + case % 8;
            let mut histories = VmHistories::new(count);
            for vm in (0..count as u32).map(VmId) {
                for _ in 0..30 {
                    histories.push(vm, crate::random::below(100, &mut stream) as f64);
                }
            }
            let (demand, utilisation) = (IdVec::filled(0.0, count), IdVec::filled(0.0, 1));
            let (demand, histories, utilisation) = (&demand, &histories, &utilisation);
            let now = Instant::START;
            let state = Snapshot { now, fleet: &fleet, demand, histories, utilisation };
            let mut quick = MaxCorrelation::default();
            let mut left: Vec<VmId> = (0..count as u32).map(VmId).collect();
            while left.len() > 1 {
                quick.correlations.prepare(&left, 30, &state);
                let rows: Vec<Vec<f64>> = left
                    .iter()
                    .map(|&vm| histories.of(vm).iter().rev().copied().collect())
                    .collect();
                let picked = most_explained(&rows);
                if let Some(row) = quick.clearly_most_explained(&left) {
                    assert_eq!(Some(row), picked);
                    clear += 1;
                }
                left.remove(picked.unwrap());
            }
        }
        assert!(clear > 600, "{clear}");
    }

    #[test]
    fn an_all_zero_neighbour_makes_the_system_singular() {
        let rows = [vec![0.1, 0.5, 0.3, 0.2], vec![0.0; 4], vec![0.3, 0.1, 0.2, 0.6]];
        assert_eq!(most_explained(&rows), None);
    }
}
