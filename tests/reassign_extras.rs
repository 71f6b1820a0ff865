//! Costs and rules of a user's own: they shape answers, add up, and fail loudly.

use std::ops::ControlFlow;

use galerna::policy::PolicyError;
use galerna::reassign::{
    Budget, ExtraCost, ExtraRule, ExtraSolution, Extras, Instance, Progress, Shift, State,
    generate, solve_extra,
};

/// Machine 0 is wanted full: each item elsewhere costs 1,000,000. Knows changes if asked to.
struct Attraction {
    knows_changes: bool,
    error: f64,
}

impl ExtraCost for Attraction {
    fn name(&self) -> &str {
        "attraction"
    }
    fn cost(&self, assignment: &[u32]) -> Result<f64, PolicyError> {
        Ok(assignment.iter().filter(|&&machine| machine != 0).count() as f64)
    }
    fn delta(&self, _: &[u32], shift: Shift) -> Result<Option<f64>, PolicyError> {
        let out = f64::from(u8::from(shift.to != 0)) - f64::from(u8::from(shift.from != 0));
        Ok(self.knows_changes.then_some(out + self.error))
    }
    fn least(&self) -> Option<f64> {
        Some(0.0)
    }
}

/// At most so many items on machine 1.
struct AtMost(u64);

impl ExtraRule for AtMost {
    fn name(&self) -> &str {
        "at most"
    }
    fn violations(&self, assignment: &[u32]) -> Result<u64, PolicyError> {
        let there = assignment.iter().filter(|&&machine| machine == 1).count() as u64;
        Ok(there.saturating_sub(self.0))
    }
}

fn solved(extras: &Extras, steps: u64) -> Result<(Instance, ExtraSolution), PolicyError> {
    let instance = generate::consolidation(6, 18, 2).expect("there is room");
    let budget = Budget { steps: Some(steps), time: None };
    let start = instance.start.clone();
    let go_on = &mut |_: &Progress| ControlFlow::Continue(());
    let found = solve_extra(&instance, (&start, &start), extras, (budget, 5), go_on)?;
    Ok((instance, found))
}

fn attraction(knows_changes: bool, error: f64) -> Extras {
    let cost: Box<dyn ExtraCost> = Box::new(Attraction { knows_changes, error });
    Extras { costs: vec![cost], rules: Vec::new(), unit: 1e9 }
}

#[test]
fn extra_costs_and_rules_shape_the_answer() {
    for knows_changes in [false, true] {
        let mut extras = attraction(knows_changes, 0.0);
        extras.rules.push(Box::new(AtMost(0)));
        let (instance, found) = solved(&extras, 20_000).unwrap();
        let on = |machine: u32| found.assignment.iter().filter(|&&m| m == machine).count();
        let full = |machines: &[u32]| machines.iter().filter(|&&m| m == 0).count();
        assert_eq!((on(1), found.violations), (0, 0));
        assert!(on(0) > full(&instance.start) && on(0) >= 5, "{found:?}");
        assert_eq!(found.costs, [18.0 - on(0) as f64]);
        let mut state = State::as_it_is(&instance);
        state.become_like(&found.assignment);
        assert!(state.is_sound());
    }
}

#[test]
fn an_answer_follows_from_its_seed() {
    let of = || solved(&attraction(true, 0.0), 3_000).unwrap().1;
    assert_eq!(of(), of());
}

#[test]
fn changes_that_do_not_add_up_are_told() {
    let error = solved(&attraction(true, -0.25), 2_000).unwrap_err();
    assert_eq!(error.code, "GLN-637");
    assert!(error.to_string().contains("attraction"), "{error}");
}
