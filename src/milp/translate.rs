//! A programme in the words of good_lp.

use good_lp::{Expression, ProblemVariables, Solver, SolverModel, Variable, variable};

use super::programme::Programme;

/// `programme` as a model of `solver`, with its variables in the order of the columns.
pub(super) fn model<S: Solver>(programme: &Programme, solver: S) -> (S::Model, Vec<Variable>) {
    let mut variables = ProblemVariables::new();
    let mut objective = Expression::with_capacity(programme.columns.len());
    let define = |column: &super::programme::Definition| {
        let definition = variable().min(column.low).max(column.high);
        let definition = if column.whole { definition.integer() } else { definition };
        let variable = variables.add(definition);
        if column.cost != 0.0 {
            objective.add_mul(column.cost, variable);
        }
        variable
    };
    let columns: Vec<Variable> = programme.columns.iter().map(define).collect();
    let mut model = variables.minimise(objective).using(solver);
    for (row, &(low, high)) in programme.rows.iter().enumerate() {
        let entries = programme.entries(row);
        let sum = || {
            let mut sum = Expression::with_capacity(entries.len());
            entries
                .iter()
                .for_each(|&(column, factor)| sum.add_mul(factor, columns[column.index()]));
            sum
        };
        if low == high {
            model.add_constraint(sum().eq(high));
            continue;
        }
        if high < f64::INFINITY {
            model.add_constraint(sum().leq(high));
        }
        if low > f64::NEG_INFINITY {
            model.add_constraint(sum().geq(low));
        }
    }
    (model, columns)
}
