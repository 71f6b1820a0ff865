//! Which hosts of a draft have changed since an index last looked?
//!
//! The draft notes every change; an index reads on from where it stopped. A journal that has grown
//! long forgets, and whoever comes too late looks at every host instead.

use std::sync::Arc;

use crate::id::HostId;

/// Changed hosts, in order.
#[derive(Debug)]
pub struct Journal {
    /// Tells one journal from another: a copy is another.
    identity: Arc<()>,
    changes: Vec<HostId>,
    /// How many changes were forgotten.
    forgotten: u64,
    most: usize,
}

impl Journal {
    /// An empty journal of a draft over `hosts` hosts.
    pub fn new(hosts: usize) -> Self {
        let most = 1024 + 2 * hosts;
        Self { identity: Arc::new(()), changes: Vec::new(), forgotten: 0, most }
    }

    /// Notes that `host` has changed.
    #[inline]
    pub fn note(&mut self, host: HostId) {
        if self.changes.len() == self.most {
            self.forgotten += self.changes.len() as u64;
            self.changes.clear();
        }
        self.changes.push(host);
    }
}

impl Clone for Journal {
    /// The journal of a copy of the draft: the two go different ways from here, so that indices
    /// begin anew.
    fn clone(&self) -> Self {
        let (changes, forgotten) = (self.changes.clone(), self.forgotten);
        Self { identity: Arc::new(()), changes, forgotten, most: self.most }
    }
}

/// How far an index has read which journal.
#[derive(Debug, Default)]
pub struct Reader {
    of: Option<Arc<()>>,
    read: u64,
}

impl Reader {
    /// The hosts that changed since the last call, some perhaps several times; `None` if that is
    /// not known and every host may have.
    #[inline]
    pub fn news<'j>(&mut self, journal: &'j Journal) -> Option<&'j [HostId]> {
        let same = self.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, &journal.identity));
        let known = same && self.read >= journal.forgotten;
        let from = if known { (self.read - journal.forgotten) as usize } else { 0 };
        self.read = journal.forgotten + journal.changes.len() as u64;
        if !same {
            self.of = Some(Arc::clone(&journal.identity));
        }
        known.then(|| &journal.changes[from..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_hears_each_change_once_or_that_it_came_too_late() {
        let mut journal = Journal::new(1);
        let (mut early, mut late) = (Reader::default(), Reader::default());
        assert_eq!(early.news(&journal), None, "it has not looked yet");
        assert_eq!(late.news(&journal), None);
        for host in 0..5000 {
            journal.note(HostId(host));
            assert_eq!(early.news(&journal), Some(&[HostId(host)][..]));
        }
        assert_eq!(early.news(&journal), Some(&[][..]));
        assert_eq!(late.news(&journal), None, "5000 changes are more than the journal keeps");
        assert_eq!(late.news(&journal), Some(&[][..]));
    }

    #[test]
    fn a_copy_is_another_journal() {
        let mut journal = Journal::new(1);
        let mut reader = Reader::default();
        reader.news(&journal);
        let mut copy = journal.clone();
        journal.note(HostId(1));
        copy.note(HostId(2));
        assert_eq!(reader.news(&copy), None);
        assert_eq!(reader.news(&copy), Some(&[][..]));
        assert_eq!(reader.news(&journal), None);
    }
}
