//! Small integer names for hosts, VMs, leases and the like, and columns that only the right kind
//! of name can index.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

/// A `u32` newtype that names a row of a column.
pub trait Id: Copy + Eq + Ord + fmt::Debug {
    /// The id of row `index`.
    fn from_index(index: usize) -> Self;
    /// The row that this id names.
    fn index(self) -> usize;
}

macro_rules! id {
    ($(#[$story:meta])* $name:ident, $prefix:literal) => {
        $(#[$story])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl Id for $name {
            fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("an id fits 32 bits"))
            }
            fn index(self) -> usize { self.0 as usize }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(/// A host of the fleet.
    HostId, "h");
id!(/// A VM.
    VmId, "v");
id!(/// A lease: its row in the workload.
    LeaseId, "l");

/// A column: one `T` per `I`, in id order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdVec<I, T> {
    rows: Vec<T>,
    #[serde(skip)]
    kind: PhantomData<I>,
}

impl<I: Id, T> IdVec<I, T> {
    /// A column of `len` copies of `value`.
    pub fn filled(value: T, len: usize) -> Self
    where
        T: Clone,
    {
        Self::from(vec![value; len])
    }
    /// How many rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
    /// Every id, ascending.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + use<I, T> {
        (0..self.rows.len()).map(I::from_index)
    }
    /// Every id with its row, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (I, &T)> {
        self.rows.iter().enumerate().map(|(i, row)| (I::from_index(i), row))
    }
    /// The rows as a plain slice, in id order.
    pub fn as_slice(&self) -> &[T] {
        &self.rows
    }
    /// The rows as a plain mutable slice, in id order.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.rows
    }
    /// Appends a row and names it.
    pub fn push(&mut self, row: T) -> I {
        self.rows.push(row);
        I::from_index(self.rows.len() - 1)
    }
}

impl<I, T> From<Vec<T>> for IdVec<I, T> {
    fn from(rows: Vec<T>) -> Self {
        Self { rows, kind: PhantomData }
    }
}
impl<I, T> Default for IdVec<I, T> {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}
impl<I, T> FromIterator<T> for IdVec<I, T> {
    fn from_iter<It: IntoIterator<Item = T>>(rows: It) -> Self {
        Self::from(rows.into_iter().collect::<Vec<T>>())
    }
}
impl<I: Id, T> Index<I> for IdVec<I, T> {
    type Output = T;
    fn index(&self, id: I) -> &T {
        &self.rows[id.index()]
    }
}
impl<I: Id, T> IndexMut<I> for IdVec<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.rows[id.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_indexed_by_its_own_ids_in_order() {
        let mut column: IdVec<HostId, u8> = vec![7, 8].into();
        let added = column.push(9);
        assert_eq!((added, column[added]), (HostId(2), 9));
        assert_eq!(column.ids().collect::<Vec<_>>(), [HostId(0), HostId(1), HostId(2)]);
        assert_eq!(HostId(2).to_string(), "h2");
    }
}
