//! What is kept of a run: its figures, or why it failed.

use serde::{Deserialize, Serialize};

use super::inputs::Ran;

/// A finished run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The name under which the result is kept; `None` where the spec does not tell all of it: the
    /// trace could not be read, or a policy is not galerna's.
    pub address: Option<String>,
    /// BLAKE3 of the trace, where there is one that could be read.
    pub trace_blake3: Option<String>,
    /// How it ended.
    pub ended: Ended,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// It came to its end.
    Done {
        /// Its figures: those of load, of leases, and the totals of the ledger.
        #[serde(with = "bits")]
        figures: Vec<Option<f64>>,
        /// BLAKE3 of the event log.
        event_log_blake3: String,
        /// BLAKE3 of what happened to the load of leases.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        load_log_blake3: Option<String>,
    },
    /// It did not.
    Failed {
        /// Why.
        error: String,
    },
}

impl Row {
    /// The row of a run that came to its end.
    pub(super) fn done(address: Option<String>, trace_blake3: Option<&str>, ran: &Ran<'_>) -> Self {
        let (figures, event_log_blake3) = (ran.figures(), ran.event_log_blake3());
        let load_log_blake3 = ran.load_log_blake3();
        let ended = Ended::Done { figures, event_log_blake3, load_log_blake3 };
        Self { address, trace_blake3: trace_blake3.map(str::to_owned), ended }
    }

    /// The metric at `index`, where the run has it.
    pub fn figure(&self, index: usize) -> Option<f64> {
        match &self.ended {
            Ended::Done { figures, .. } => figures.get(index).copied().flatten(),
            Ended::Failed { .. } => None,
        }
    }

    /// All that is known of how it ended, to tell results apart; equal where they are.
    pub(super) fn result(&self) -> String {
        serde_json::to_string(&self.ended).expect("numbers and words are JSON")
    }

    /// Why it failed, if it did.
    pub fn error(&self) -> Option<&str> {
        match &self.ended {
            Ended::Done { .. } => None,
            Ended::Failed { error } => Some(error),
        }
    }
}

/// Numbers as their 64 bits, so that what is read is what was written.
mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(figures: &[Option<f64>], to: S) -> Result<S::Ok, S::Error> {
        let bits: Vec<Option<u64>> = figures.iter().map(|f| f.map(f64::to_bits)).collect();
        bits.serialize(to)
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Vec<Option<f64>>, D::Error> {
        let bits = Vec::<Option<u64>>::deserialize(from)?;
        Ok(bits.into_iter().map(|b| b.map(f64::from_bits)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_bit_by_bit() {
        let figures = vec![Some(0.1 + 0.2), None, Some(-0.0), Some(5e-324)];
        let load_log_blake3 = Some("cd".into());
        let ended = Ended::Done { figures, event_log_blake3: "ab".into(), load_log_blake3 };
        let row = Row { address: Some("x".into()), trace_blake3: None, ended };
        let text = serde_json::to_string(&row).unwrap();
        let back: Row = serde_json::from_str(&text).unwrap();
        assert_eq!(back, row);
        assert_eq!(back.figure(2).unwrap().to_bits(), (-0.0f64).to_bits());
    }
}
