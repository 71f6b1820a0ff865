//! Equal hosts on the command line: `16x800x65536,Disk=2000000,GPU=2`.

use super::Problem;
use crate::model::lease::{Amounts, CPU, MEMORY, RESOURCES, Site};

/// The largest amount of a resource, exclusive.
const MOST: i64 = 1 << 40;
const MOST_HOSTS: u32 = 1_000_000;

/// Equal hosts.
#[derive(Debug, Clone)]
pub(super) struct Block {
    count: u32,
    cpu: i64,
    memory: i64,
    others: Vec<(String, i64)>,
}

/// An amount on the command line.
fn amount(text: &str) -> Option<i64> {
    text.parse().ok().filter(|amount| (0..MOST).contains(amount))
}

/// `NAME=AMOUNT`.
pub(super) fn named_amount(text: &str) -> Result<(String, i64), String> {
    let named = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let parsed = named.and_then(|(name, value)| Some((name.to_owned(), amount(value)?)));
    parsed.ok_or_else(|| format!("`{text}` is not NAME=AMOUNT, such as Disk=2000"))
}

impl Block {
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not COUNTxCPUxMEMORY, such as 16x800x65536");
        let mut words = text.split(',');
        let sizes: Vec<&str> = words.next().unwrap_or_default().split('x').collect();
        let [count, cpu, memory] = sizes.try_into().map_err(|_| wrong())?;
        let count = count.parse().ok().filter(|count| (1..=MOST_HOSTS).contains(count));
        let (cpu, memory) = amount(cpu).zip(amount(memory)).ok_or_else(wrong)?;
        let others = words.map(named_amount).collect::<Result<_, _>>()?;
        Ok(Self { count: count.ok_or_else(wrong)?, cpu, memory, others })
    }
}

/// The site of `blocks`; names that are not known are resources of its own.
pub(super) fn site(blocks: &[Block]) -> Result<Site, Problem> {
    let mut site = Site::uniform(0, 0, 0);
    for block in blocks {
        let mut has = Amounts::default();
        (has[CPU], has[MEMORY]) = (block.cpu, block.memory);
        for (name, amount) in &block.others {
            let known = site.resources.iter().position(|known| known == name);
            let k = known.unwrap_or_else(|| {
                site.resources.push(name.clone());
                site.resources.len() - 1
            });
            if k >= RESOURCES {
                let what = format!("the hosts have more than {RESOURCES} resources");
                return Err(Problem::new("GLN-510", "--hosts", what, "Leave some out"));
            }
            has[k] = *amount;
        }
        site.hosts.extend(std::iter::repeat_n(has, block.count as usize));
    }
    Ok(site.with_plenty())
}
