//! The last value: `y(t + h) = y(t)`. What every other forecaster is measured against.

use super::asked::Asked;
use super::bank::Model;

/// The last value.
#[derive(Debug, Clone)]
pub struct Last {
    asked: Asked,
}

impl Last {
    /// The last value as the answer to what is asked.
    pub fn new(asked: &Asked) -> Self {
        Self { asked: asked.clone() }
    }
}

impl Model for Last {
    type State = f32;
    fn state(&self) -> f32 {
        0.0
    }
    fn update(&self, state: &mut f32, value: f32) {
        *state = value;
    }
    fn predict(&self, state: &f32, row: &mut [f32]) {
        self.asked.constant(*state, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::bank::row_after;

    #[test]
    fn the_last_value_stands_for_all_that_comes_and_a_gap_changes_nothing() {
        let asked = Asked { quantiles: vec![], min_history: 1, ..Asked::default() };
        let after = |values: &[f32]| row_after(Last::new(&asked), &asked, values);
        assert_eq!(after(&[0.2, 0.7]), [0.7; 3]);
        assert_eq!(after(&[0.2, 0.7, f32::NAN]), [0.7; 3]);
        assert_eq!(after(&[]), [0.0; 3]);
        assert_eq!(after(&[f32::NAN]), [0.0; 3]);
        assert_eq!(after(&[1.4]), [1.0; 3]);
    }
}
