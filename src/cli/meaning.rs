//! What a value other than the default means, in one line.

/// The meaning of the dotted spec key `key` when it has `value`, as TOML.
pub(super) fn meaning(key: &str, value: &str) -> Option<&'static str> {
    let value = value.trim_matches('"');
    detector(key, value)
        .or_else(|| policy(key, value))
        .or_else(|| optimised(key))
        .or_else(|| balanced(key))
        .or_else(|| capped(key))
        .or_else(|| physics(key, value))
        .or_else(|| accounting(key, value))
        .or_else(|| leases(key, value))
        .or_else(|| costs(key))
}

fn detector(key: &str, value: &str) -> Option<&'static str> {
    Some(match (key.strip_prefix("policy.overload.")?, value) {
        ("kind", "thr") => "overloaded above a fixed utilisation",
        ("kind", "iqr") => "threshold 1 - safety x interquartile range of the past",
        ("kind", "mad") => "threshold 1 - safety x median absolute deviation of the past",
        ("kind", "lrr") => "local regression of the past, robust against outliers",
        ("kind", "loess") => "local regression of any length, the copy time not rounded",
        ("kind", "loess-robust") => "the same, robust against outliers",
        ("kind", "last-n") => "overloaded above a fixed mean of the latest samples",
        ("kind", "otf") => "overloaded when that takes more than a share of the host's time",
        ("kind", "mhod") => "overloaded when no policy of waiting keeps a share of overload",
        ("kind", "risk") => "overloaded when it will probably run short soon",
        ("kind", "risk-cost") => "overloaded when to wait is expected to cost more than a copy",
        ("kind", "never") => "no host counts as overloaded",
        ("safety" | "threshold", _) => "parameter of the overload detector",
        ("min-history" | "learning-steps", _) => "samples of the past without which it cannot tell",
        ("at-limit", "normal") => "a load of exactly the limit is normal",
        ("at-limit", "overloaded") => "Neat: a load of exactly the limit is overload",
        ("weights", _) => "Q3: the regression does not weigh the past by its age",
        ("length", _) => "samples that the regression uses",
        ("weigh", "squares") => "weights multiply squared residuals",
        ("weigh", "residuals") => "Neat: weights multiply residuals, and so count twice",
        ("outliers", "cut") => "points far off weigh nothing",
        ("outliers", "uncut") => "Neat: the farthest points weigh again",
        ("n", _) => "samples that are averaged",
        ("otf", _) => "share of its time that a host may be overloaded",
        ("states", _) => "where the states of a host end, the last being overload",
        ("history", _) => "samples that it learns from at most",
        ("windows", _) => "window sizes of its estimates, samples",
        ("search", "exact") => "the policy of waiting is found exactly",
        ("search", "grid") => "Neat: the policy of waiting is searched for on a grid",
        ("limit", _) => "part of the host's capacity that demand should not pass",
        ("horizon", _) => "samples ahead within which it counts",
        ("accept", _) => "share of the threshold that a destination may reach",
        ("learning", "weights") => "learns in the run what kind of load it has to do with",
        ("learning", "shift") => "learns in the run by how much its odds are off",
        ("model", _) => "fitted model that the probability comes from",
        ("loss", _) => "intervals of violation that an overload costs",
        ("degradation", _) => "share of its CPU that a VM loses while it is copied",
        ("weight", _) => "what that weighs against violation",
        ("step", _) => "step of that grid, if there is one",
        _ => return None,
    })
}

fn policy(key: &str, value: &str) -> Option<&'static str> {
    Some(match (key, value) {
        ("policy.fallback.kind", "never") => "no verdict while the past is too short",
        ("policy.fallback.threshold", _) => "limit while the past is too short",
        ("policy.underload.kind", "never") => "no host is emptied to be switched off",
        ("policy.underload.kind", "threshold") => "hosts used no more than a threshold are emptied",
        ("policy.underload.kind", "last-n") => "the same by the mean of the latest samples",
        ("policy.underload.kind", "always") => "every host may be emptied, also full ones",
        ("policy.underload.threshold", _) => "utilisation up to which a host may be emptied",
        ("policy.underload.n", _) => "samples that are averaged",
        ("policy.select.kind", "mc") => "the VM whose load correlates most with the others leaves",
        ("policy.select.kind", "mu") => "the VM of least utilisation leaves",
        ("policy.select.measure", "fraction") => "utilisation is a fraction of the VM's own rate",
        ("policy.select.measure", "demand") => "Neat: utilisation is in MIPS",
        ("policy.select.kind", "mmt-max-cpu") => "of the VMs of least memory the busiest leaves",
        ("policy.select.last-n", _) => "samples of the VM's CPU that are averaged",
        ("policy.select.skip-idle", "false") => "an idle VM may leave",
        ("policy.select.skip-idle", "true") => "Neat: if those VMs have idled none leaves",
        ("policy.select.kind", "knapsack") => "the least memory that clears the overload leaves",
        ("policy.select.most-sets", _) => "sets of VMs that are tried for that",
        ("policy.select.kind", "highest-demand") => "the VM that asks for most CPU leaves",
        ("policy.select.kind", "rs") => "a random VM leaves",
        ("policy.select.seeded", "true") => "its draws come from the run's seed",
        ("policy.select.seeded", _) => "Q19: its draws cannot be repeated",
        ("policy.place.kind", kind) => return placement(kind),
        ("policy.place.wake-power", _) => "Q7: waking a host costs the placer nothing",
        ("policy.place.base", _) => "Q8: power before is that of the last evaluation",
        ("policy.place.overload", "ignored") => "destinations may be overloaded",
        ("policy.place.overload", _) => "no destination that the VM would overload",
        ("policy.place.wake", "last-resort") => "sleeping hosts wake when no other takes the VM",
        ("policy.place.wake", _) => "a sleeping host is one like any other",
        ("policy.place.by", _) => "what makes a host full and a VM large",
        ("policy.place.cpu-limit" | "policy.place.ram-limit", _) => {
            "part of a host that may be filled"
        }
        ("policy.place.last-n", _) => "latest CPU values of which a VM's demand is the mean",
        ("policy.place.threshold", _) => "how probably a destination may run short with the VM",
        ("policy.place.factor", _) => "by how much VMs of a host vary more than each for itself",
        ("policy.place.horizon" | "policy.place.limit", _) => "what running short is",
        ("policy.place.truncate", _) => "demands and free amounts lose their fractions",
        ("policy.place.all-or-nothing", "true") => "no VM is placed unless all find room",
        ("policy.history", _) => "Q20: a host's past is that of its VMs, leading zeros cut",
        ("policy.initial", "nominal") => "VMs are first placed by their nominal rate",
        ("consolidation.vacate-receivers", "true") => {
            "Q9: a host may receive and be emptied at once"
        }
        ("consolidation.failed-hosts-refuse", "true") => {
            "Q10: a host that could not be emptied may not receive"
        }
        ("consolidation.idle-hosts-are-off", "true") => "a host whose VMs all idle counts as off",
        ("consolidation.silent-when-unplaced", "true") => {
            "Q11: a VM for which there is no room leaves no trace in the record"
        }
        _ => return None,
    })
}

fn placement(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "first-fit" => "the first host with room receives",
        "first-fit-decreasing" => "the largest VM first, to the first host with room",
        "best-fit" => "the fullest host with room receives",
        "best-fit-decreasing" => "the largest VM first, to the fullest host with room",
        "risk-fit" => "the fullest host that will probably not run short receives",
        "worst-fit" => "the emptiest host with room receives",
        "worst-fit-decreasing" => "the largest VM first, to the emptiest host with room",
        "dot-product" => "most is left of what the VM takes most of",
        "cosine" => "what is left is in the proportion that the VM takes",
        "norm-diff" => "what is left is nearest to what the VM takes",
        "optimise" => "whole steps are planned by what they cost: energy, shortage, migrations",
        "balance" => "VMs move from full to empty hosts where that pays",
        "cheapest-within-sla" => "whole steps are planned by what they cost in money",
        "power-cap" => "VMs move only where all hosts together draw too much, or one runs short",
        "pabfd-published" => "least increase of power; overload is not asked about",
        "neat-best-fit-decreasing" => {
            "first fit in an order by free CPU that is fixed at the start"
        }
        _ => return None,
    })
}

fn physics(key: &str, value: &str) -> Option<&'static str> {
    Some(match (key, value) {
        ("fleet.hosts", _) => "hosts in blocks, by machine",
        ("fleet.preset", "ml110-4g") => "hosts of 4096 MB, as published",
        ("fleet.preset", "ml110-8g") => "hosts of 8 GiB: memory is scarce as well",
        ("demand.clock", _) => "time is a sum of doubles that starts at 0.1 s",
        ("demand.between-samples", _) => "demand is the straight line between samples",
        ("demand.idle-vms", _) => "Q1: a VM that asks for exactly nothing is removed for good",
        ("host.oversubscription", _) => "Q15: shares of an overfull host are whole MIPS",
        ("host.memory", _) => "Q6: running VMs take no memory",
        ("host.wake-s", _) => "Q14: time from off to on",
        ("host.shutdown-s", _) => "Q14: time from on to off",
        ("host.power", "always-peak") => "every host draws peak power all the time",
        ("migration.contention", _) => "Q13: every copy has the network to itself",
        ("migration.destination-load", _) => "part of a VM's demand that its destination serves",
        _ => return None,
    })
}

fn leases(key: &str, value: &str) -> Option<&'static str> {
    Some(match (key.strip_prefix("leases.")?, value) {
        ("backfilling", "none") => "no lease overtakes another",
        ("backfilling", "conservative") => "every lease gets a place in the future",
        ("backfilling.intermediate", _) => "so many leases may have a place in the future",
        ("admission", _) => "reservations are refused",
        ("preemption", "ar-preempts-best-effort") => "reservations displace best-effort leases",
        ("preemption", "deadline") => "leases displace deadline leases that can wait",
        ("mapping", _) => "a deadline lease is displaced only if it still ends in time",
        ("suspension", "none") => "no lease can be saved and resumed",
        ("migration", "no") => "leases resume where they were saved",
        ("preparation.kind", _) => "disk images are sent before a lease starts",
        ("preparation.multicast", _) => "one transfer serves all hosts of a lease",
        ("preparation.piggyback", _) => "leases ride on transfers that have not started",
        ("adjust.cpu", _) => "CPU of every VM, hundredths of a core",
        ("shifting.by", _) => "leases that can wait are held back until that is low",
        ("shifting.at-most-s", _) => "for so long at most, seconds",
        ("preparation.cache-mb", _) => "MB of images that a host keeps",
        (oddity, _) => return self::oddity(oddity.strip_prefix("oddities.")?),
    })
}

/// What a parameter of the placer `optimise` is.
fn optimised(key: &str) -> Option<&'static str> {
    Some(match key.strip_prefix("policy.place.")? {
        "stable-s" => "seconds for which a decision is expected to hold",
        "shortage-j-per-mi" => "price of a million instructions asked for and not done",
        "move-j" => "price of a move as such",
        "hysteresis" => "by how much a move must pay more than it costs",
        "usual-s" => "seconds ahead over which energy has its usual worth",
        "period-s" => "seconds of a month that a VM is expected to be there, at most",
        "link-s" => "seconds of copying to and from a host in one step",
        "return-s" => "seconds in which a VM does not go back to a host it left",
        "near" | "far" => "samples of the two means that make the forecast",
        "prior" => "samples at which a VM's own past weighs as much as that of all",
        "steps" => "moves that are judged in one decision, at most",
        _ => return None,
    })
}

/// What a parameter of the placer `balance` is.
fn balanced(key: &str) -> Option<&'static str> {
    Some(match key.strip_prefix("policy.place.")? {
        "start" => "imbalance above which VMs are moved",
        "target" => "imbalance at which no more are moved",
        "gain" => "share of the imbalance that a move must take away",
        "deviations" => "deviations that must fit on a destination beside the mean",
        "rest-s" => "seconds before a VM is moved again",
        "window" => "samples that mean and variance are taken from",
        "moves" => "moves of one step, at most",
        _ => return None,
    })
}

/// What a parameter of the placer `power-cap` is.
fn capped(key: &str) -> Option<&'static str> {
    Some(match key.strip_prefix("policy.place.")? {
        "cap-w" => "power that all hosts together should not pass, W",
        "ahead-s" => "seconds that the cap is looked ahead",
        "margin" => "share of the cap that is left free",
        _ => return None,
    })
}

/// What `[costs]` puts a price on.
fn costs(key: &str) -> Option<&'static str> {
    let (key, part) = key.strip_prefix("costs.")?.split_once('.').unwrap_or((&key[6..], ""));
    Some(match (key, part) {
        (_, "until-s") => "when the series ends, seconds",
        (_, "then") => "what comes after that",
        ("currency", _) => "name of the currency",
        ("energy-price", _) => "price of energy, per kWh",
        ("pue", _) => "energy of the site per energy of its hosts",
        ("carbon-intensity", _) => "emissions of the energy, g per kWh",
        ("carbon-price", _) => "price of emissions, per tonne",
        ("vm-hour-price", _) => "what a VM pays per hour",
        ("sla", _) => "what is given back of that, by availability",
        ("penalty-per-s", _) => "price of a second in which a VM gets too little",
        _ => return None,
    })
}

/// What an oddity of Haizea does.
fn oddity(name: &str) -> Option<&'static str> {
    Some(match name {
        "packing-shortens-the-slice" => "one more VM on a host may shorten the whole lease's slice",
        "lowest-score-goes-first" => "the oldest lease is displaced first",
        "preemptible-flag-ignored" => "leases that must not be displaced are, all the same",
        "suspension-counts-memory-per-vm" => "a suspension holds its memory once more per VM",
        "suspension-cpu" => "CPU that a suspension holds on each host",
        "replans-may-delay" => "a lease placed again may start later than promised",
        "cache-overfull" => "the newcomer to a full cache is not counted",
        "shutdown-inside-reservation" => "a reservation is shut down within its time",
        "estimate" => "overheads as if each VM had the memory of all",
        "slice-may-cut-the-shutdown" => "a slice may end within the time for the shutdown",
        "starts-by-run-end" => "future starts are tried by the ends of runs, not by time",
        "premature-end-within-slice" => "a premature end at the end of a slice is missed",
        "migration-moves-all" => "all VMs migrate if one does",
        "replans-preparing" => "leases whose transfer runs are placed again, too",
        "over-before-replans" => "an early lease is over before others are placed again",
        "immediate-first" => "immediate leases come before reservations",
        "requeue-before-transfers" => "the displaced are queued before transfers are planned",
        "transfer-may-be-late" => "a transfer may be planned in the past",
        "slowdown-by-request" => "slowdown relates to the requested duration",
        "overheads-count-as-use" => "saving, loading and shutting down count as use of CPU",
        "numbered-by-file" => "leases are numbered in the order of their files",
        _ => return None,
    })
}

fn accounting(key: &str, _value: &str) -> Option<&'static str> {
    Some(match key {
        "accounting.window" => "Q2: nothing counts before the first decision",
        "accounting.energy" => "mean of the powers at both ends of an interval",
        "accounting.tolerance" => "Q5: any rounding error is a violation",
        "accounting.violation" => "a host violates when its VMs get less than they ask for",
        "accounting.arriving-demand" => "Q4: an arriving VM asks in full, is served in part",
        "accounting.migration-loss" => "all that a migrating VM lacks is blamed on the copy",
        "accounting.ratios" => "Q16: slatah and pdm are ratios of totals",
        "accounting.average" => "every interval weighs alike, however long",
        "accounting.shutdowns" => "Q17: hosts that were never on count as shut down",
        _ => return None,
    })
}
