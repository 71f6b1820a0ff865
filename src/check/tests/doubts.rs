//! Shares that are whole but for rounding, and how far the tables may differ by them.

use super::*;

/// `crowded()` with whole MIPS: three VMs of h0 get exactly 2/3 of 1860 = 1240, so all are in
/// doubt. With `less` MIPS less for each, h0 spends 3720 - 3 x less; between 114 W at 90 % and
/// 117 W at 100 % that is 30 x 3 x less / 3720 W less.
fn crowded_to_the_mips(less: f64) -> Evidence {
    let mut evidence = crowded();
    evidence.rules.host.oversubscription = Oversubscription::Floored;
    let watts = 90.0 * less / 3720.0;
    let record = &mut evidence.record;
    record.hosts[0].energy_j -= watts * 600.0;
    record.vms[..3].iter_mut().for_each(|vm| vm.allocated_mi -= less * 600.0);
    record.samples[0].allocated_mips -= 3.0 * less;
    record.samples[0].power_w -= watts;
    evidence.summary = named(&[
        ("energy_kwh", (142_580.0 - watts * 600.0) / 3.6e6),
        ("migrations", 0.0),
        ("slatah", 1.0 / 3.0),
        ("pdm", 0.0),
        ("slav", 0.0),
        ("esv", 0.0),
        ("slatah_global", 600.0 / 1300.0),
        ("pdm_global", 0.0),
        ("overall_sla_violation", (1_350_000.0 + 1800.0 * less) / 4_698_000.0),
        ("average_sla_violation", (3.0 * (620.0 + less) / 1860.0 + 0.163) / 4.0),
        ("host_shutdowns", 1.0),
        ("mean_time_before_host_shutdown_s", 100.0),
        ("ping_pong_rate", 0.0),
        ("active_hosts_mean", 1300.0 / 600.0),
    ]);
    evidence
}

/// Three shares at each of 0, 100, 130, 300 and 600 s.
#[test]
fn a_share_that_is_exactly_whole_may_be_1_mips_less() {
    for less in [0.0, 1.0 / 3.0, 1.0] {
        let report = check(&crowded_to_the_mips(less));
        assert!(report.is_clean(), "{less}: {report}");
        let doubt = "rounding of whole shares: 15 in doubt by 1 MIPS".to_owned();
        assert!(report.unverified.contains(&doubt), "{report}");
    }
}

#[test]
fn no_share_in_doubt_is_more_than_whole_or_2_mips_less() {
    for less in [2.0, 1.0 + 1e-5, -1e-5] {
        let found = codes(&crowded_to_the_mips(less));
        assert_eq!(found, ["GLN-607", "GLN-608", "GLN-609", "GLN-610"], "{less}");
        let report = check(&crowded_to_the_mips(less));
        let figures = report.findings.iter().filter(|p| p.code == "GLN-610").count();
        assert_eq!(figures, 3, "energy, overall and average violation: {report}");
    }
}

/// What the doubt cannot reach stays exact: v3 is alone on h1.
#[test]
fn a_doubt_reaches_only_its_own_host_and_vms() {
    for less in [0.0, 1.0] {
        let mut evidence = crowded_to_the_mips(less);
        evidence.record.vms[3].allocated_mi -= 300.0;
        evidence.record.hosts[1].energy_j -= 1.0;
        evidence.record.vms[0].short_s -= 1.0;
        evidence.record.hosts[0].violation_s -= 1.0;
        assert_eq!(check(&evidence).findings.len(), 4, "{less}");
    }
}

/// Shares of 2/3 without rounding down, and of 1860 x 3720 / 5520 = 1253.478.. rounded down.
#[test]
fn without_doubt_1_mips_less_is_a_fault() {
    let mut evidence = crowded_to_the_mips(1.0);
    evidence.rules.host.oversubscription = Oversubscription::Proportional;
    assert_eq!(codes(&evidence), ["GLN-607", "GLN-608", "GLN-609", "GLN-610"]);

    let mut evidence = crowded_to_the_mips(0.0);
    evidence.demand[2] = vec![1800.0 / 1860.0; 2];
    let row_of_v0 = |allocated: f64| {
        let mut evidence = evidence.clone();
        evidence.record.vms[0].allocated_mi = allocated * 600.0;
        let report = check(&evidence);
        report.findings.iter().filter(|p| p.place == "vms row v0").count()
    };
    assert_eq!([row_of_v0(1253.0), row_of_v0(1252.0)], [0, 1]);
}
