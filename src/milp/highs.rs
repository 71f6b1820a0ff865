//! HiGHS, through good_lp: its own model is asked, since good_lp's answer hides bound and gap.

use super::programme::Programme;
use super::translate;
use super::{Limits, Reply, Status};

/// HiGHS' number for a model that is solved to the gap asked for.
const OPTIMAL: i64 = 7;

/// HiGHS' number for a model that nothing obeys.
const INFEASIBLE: i64 = 8;

/// HiGHS' number for values that obey all rows.
const FEASIBLE_POINT: i64 = 2;

/// Solves from `start`, on one thread.
pub(super) fn ask(programme: &Programme, start: Option<&[f64]>, limits: Limits) -> Reply {
    let nothing = Reply { values: None, bound: None, status: Status::Limit };
    let (model, _) = translate::model(programme, good_lp::highs);
    let Ok(mut model) = model.try_into_inner() else { return nothing };
    model.make_quiet();
    model.set_option("threads", 1);
    model.set_option("parallel", "off");
    model.set_option("mip_rel_gap", limits.gap);
    if let Some(time) = limits.time {
        model.set_option("time_limit", time.as_secs_f64());
    }
    if let Some(nodes) = limits.nodes {
        model.set_option("mip_max_nodes", nodes.min(i32::MAX as u32) as i32);
    }
    if start.is_some() {
        // It looks for a first point that obeys, which is there.
        model.set_option("mip_heuristic_run_feasibility_jump", false);
    }
    // A start that HiGHS cannot take is only a start less.
    let _ = model.try_set_solution(start, None, None, None);
    let Ok(solved) = model.try_solve() else { return nothing };
    let status = match solved.status() as i64 {
        OPTIMAL => Status::Proved,
        INFEASIBLE => Status::Infeasible,
        _ => Status::Limit,
    };
    let point = solved.int_info_value(c"primal_solution_status");
    let found = point.is_ok_and(|status| status == FEASIBLE_POINT);
    let values = found.then(|| solved.get_solution().columns().to_vec());
    let is_mixed = programme.columns.iter().any(|column| column.whole);
    let bound = if is_mixed {
        solved.double_info_value(c"mip_dual_bound").ok().filter(|bound| bound.is_finite())
    } else {
        (status == Status::Proved).then(|| solved.objective_value())
    };
    Reply { values, bound, status }
}
