//! Columns and rows, as they are entered.

/// How far a row or a column may be off before values are said to break it, relative to the size of
/// what is added up.
const TOLERANCE: f64 = 1e-6;

/// One unknown of a programme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column(u32);

impl Column {
    /// The column at a place.
    #[cfg(test)]
    pub(super) fn of(index: u32) -> Self {
        Self(index)
    }

    /// Its place in the values of an answer.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What is said of one unknown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Definition {
    pub cost: f64,
    pub low: f64,
    pub high: f64,
    pub whole: bool,
}

/// A mixed-integer programme that is to cost as little as possible.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Programme {
    pub(super) columns: Vec<Definition>,
    /// Bounds of each row.
    pub(super) rows: Vec<(f64, f64)>,
    /// Where the entries of each row end.
    ends: Vec<usize>,
    entries: Vec<(Column, f64)>,
}

impl Programme {
    /// A whole number from `low` to `high` of which each unit costs `cost`.
    pub fn whole(&mut self, cost: f64, low: f64, high: f64) -> Column {
        self.define(Definition { cost, low, high, whole: true })
    }

    /// Any number from `low` to `high` of which each unit costs `cost`.
    pub fn any(&mut self, cost: f64, low: f64, high: f64) -> Column {
        self.define(Definition { cost, low, high, whole: false })
    }

    fn define(&mut self, definition: Definition) -> Column {
        self.columns.push(definition);
        Column(self.columns.len() as u32 - 1)
    }

    /// The sum of `entries`, each column at most once, is at most `high`.
    pub fn at_most(&mut self, high: f64, entries: impl IntoIterator<Item = (Column, f64)>) {
        self.row(f64::NEG_INFINITY, high, entries);
    }

    /// The sum of `entries` is at least `low`.
    pub fn at_least(&mut self, low: f64, entries: impl IntoIterator<Item = (Column, f64)>) {
        self.row(low, f64::INFINITY, entries);
    }

    /// The sum of `entries` is `value`.
    pub fn equal(&mut self, value: f64, entries: impl IntoIterator<Item = (Column, f64)>) {
        self.row(value, value, entries);
    }

    fn row(&mut self, low: f64, high: f64, entries: impl IntoIterator<Item = (Column, f64)>) {
        self.rows.push((low, high));
        self.entries.extend(entries);
        self.ends.push(self.entries.len());
    }

    /// How many columns there are.
    pub fn column_count(&self) -> usize {
        self.columns.len()
    }

    /// How many rows there are.
    pub fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// The entries of a row.
    pub(super) fn entries(&self, row: usize) -> &[(Column, f64)] {
        let begin = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.entries[begin..self.ends[row]]
    }

    /// What `values` cost.
    pub fn cost(&self, values: &[f64]) -> f64 {
        self.columns.iter().zip(values).map(|(column, value)| column.cost * value).sum()
    }

    /// Whether `values`, one per column, obey all rows and bounds and are whole where they must be.
    pub fn holds(&self, values: &[f64]) -> bool {
        let fits = |(column, &value): (&Definition, &f64)| {
            let slack = TOLERANCE * value.abs().max(1.0);
            (column.low - slack..=column.high + slack).contains(&value)
                && (!column.whole || value == value.round())
        };
        let obeys = |row: usize| {
            let (mut sum, mut size) = (0.0, 1.0_f64);
            for &(column, factor) in self.entries(row) {
                let part = factor * values[column.index()];
                sum += part;
                size = size.max(part.abs());
            }
            let (low, high) = self.rows[row];
            (low - TOLERANCE * size..=high + TOLERANCE * size).contains(&sum)
        };
        values.len() == self.columns.len()
            && self.columns.iter().zip(values).all(fits)
            && (0..self.rows.len()).all(obeys)
    }

    /// `values`, rounded where they must be whole.
    pub(super) fn whole_values(&self, values: &[f64]) -> Vec<f64> {
        let round = |(column, &value): (&Definition, &f64)| {
            // Adding 0 makes a negative zero a plain one.
            if column.whole { value.round() + 0.0 } else { value }
        };
        self.columns.iter().zip(values).map(round).collect()
    }
}
