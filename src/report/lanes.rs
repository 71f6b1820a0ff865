//! Who shares a host at the same time stands one above the other: which part of the row is whose.
//!
//! A holding takes the part of its host's row that it takes of its CPU, at the lowest place that is
//! free for its whole time. Places are shares of the row in `[0, 1]`.

/// A holding that is to be placed: its time and its share of the row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    pub start: i64,
    pub end: i64,
    pub share: f64,
}

/// The lower end of each of `pieces`, which are sorted by start.
pub(super) fn place(pieces: &[Piece]) -> Vec<f64> {
    let mut active: Vec<(f64, Piece)> = Vec::new();
    pieces
        .iter()
        .map(|&piece| {
            active.retain(|(_, other)| other.end > piece.start);
            active.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut low = 0.0;
            for (other_low, other) in &active {
                if low + piece.share <= other_low + 1e-9 {
                    break;
                }
                low = f64::max(low, other_low + other.share);
            }
            // Overheads may hold more than there is.
            let low = low.min(1.0 - piece.share.min(1.0));
            active.push((low, piece));
            low
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_the_same_time_do_not_cover_each_other() {
        let piece = |start, end, share| Piece { start, end, share };
        let pieces = [piece(0, 10, 0.5), piece(1, 5, 0.25), piece(2, 9, 0.25), piece(5, 8, 0.25)];
        assert_eq!(place(&pieces), [0.0, 0.5, 0.75, 0.5]);
        let whole = [piece(0, 10, 1.0), piece(10, 20, 1.0)];
        assert_eq!(place(&whole), [0.0, 0.0]);
    }
}
