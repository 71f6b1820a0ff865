//! What a value other than the default means, in one line.

/// The meaning of the dotted spec key `key` when it has `value`, as TOML.
pub(super) fn meaning(key: &str, value: &str) -> Option<&'static str> {
    let value = value.trim_matches('"');
    policy(key, value).or_else(|| physics(key, value)).or_else(|| accounting(key, value))
}

fn policy(key: &str, value: &str) -> Option<&'static str> {
    Some(match (key, value) {
        ("policy.overload.kind", "thr") => "overloaded above a fixed utilisation",
        ("policy.overload.kind", "iqr") => "threshold 1 - safety x interquartile range of the past",
        ("policy.overload.kind", "mad") => {
            "threshold 1 - safety x median absolute deviation of the past"
        }
        ("policy.overload.kind", "lrr") => "local regression of the past, robust against outliers",
        ("policy.overload.kind", "never") => "no host counts as overloaded",
        ("policy.overload.safety" | "policy.overload.threshold", _) => {
            "parameter of the overload detector"
        }
        ("policy.overload.min-history", _) => "samples of the past without which it cannot tell",
        ("policy.overload.weights", _) => "Q3: the regression does not weigh the past by its age",
        ("policy.fallback.kind", "never") => "no verdict while the past is too short",
        ("policy.fallback.threshold", _) => "limit while the past is too short",
        ("policy.underload.kind", "never") => "no host is emptied to be switched off",
        ("policy.select.kind", "mc") => "the VM whose load correlates most with the others leaves",
        ("policy.select.kind", "mu") => "the VM of least utilisation leaves",
        ("policy.select.kind", "rs") => "a random VM leaves",
        ("policy.select.seeded", "true") => "its draws come from the run's seed",
        ("policy.select.seeded", _) => "Q19: its draws cannot be repeated",
        ("policy.place.kind", "first-fit") => "the first host with room receives",
        ("policy.place.wake-power", _) => "Q7: waking a host costs the placer nothing",
        ("policy.place.base", _) => "Q8: power before is that of the last evaluation",
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

fn physics(key: &str, value: &str) -> Option<&'static str> {
    Some(match (key, value) {
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
