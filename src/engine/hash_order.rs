//! The order in which CloudSim 3.0.3 adds up the requests of an oversubscribed host.
//!
//! It keeps them in a Java hash table keyed by the text `2-<vm>` (its broker is entity 2) and sums
//! them in bucket order. Where the scaled share of a VM is a whole number but for rounding, that
//! order decides whether it is rounded down to that number or to the one below (part of Q15).
//!
//! Java's string hash is `sum s[i] 31^(n-1-i)` modulo 2^32; the table spreads it by `h ^ (h >>
//! 16)`, has a power of two of buckets, at least 16, and doubles when it is more than three
//! quarters full; it never shrinks. Source: Java SE API specification, `String.hashCode` and
//! `HashMap`.

/// CloudSim's number for the broker that owns the VMs.
const BROKER: &str = "2";
const SMALLEST_TABLE: usize = 16;

/// The spread hash under which CloudSim files VM `vm`.
pub fn hash(vm: usize) -> u32 {
    let key = format!("{BROKER}-{vm}");
    let hash = key.bytes().fold(0u32, |h, byte| h.wrapping_mul(31).wrapping_add(byte.into()));
    hash ^ (hash >> 16)
}

/// Mask that turns a hash into a bucket of a table that once held `most` entries.
pub fn mask(most: usize) -> u32 {
    let mut buckets = SMALLEST_TABLE;
    while most * 4 > buckets * 3 {
        buckets *= 2;
    }
    buckets as u32 - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "2-0" = 50 * 961 + 45 * 31 + 48 = 49 493, below 2^16, so the spread leaves it.
    #[test]
    fn the_hash_is_that_of_the_java_string() {
        assert_eq!(hash(0), 49_493);
        assert_eq!(hash(7), 49_500);
    }

    #[test]
    fn a_table_doubles_beyond_three_quarters() {
        assert_eq!([mask(1), mask(12), mask(13), mask(25)], [15, 15, 31, 63]);
    }
}
