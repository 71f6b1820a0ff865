# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # One timeline: leases, live load, failures and money
#
# A cluster has promised some of its nodes: batch jobs run when there is room, reservations at
# their hour. What runs in those VMs is far from using all that was reserved. One could switch
# half of the hosts off, if only one knew which of them will be needed tonight.
#
# A calendar that knows the promises does not look at the load; a consolidator that looks at the
# load knows no tomorrow. Here is the same month under either, and under both at once; then
# hosts fail, energy has a price that changes by the hour, and a single decision is taken back.

# %%
import os
from pathlib import Path

import galerna as gl
import matplotlib.pyplot as plt
import polars as pl

HOUR, DAY = 3_600, 86_400

# %% [markdown]
# The jobs are 30 days of the San Diego Blue Horizon with reservations for a fifth of the site,
# as Sotomayor, Keahey and Foster used them in 2008; each node that they ask for is a VM of one
# core, half a host, and does what a VM of Bitbrains did in August 2013. Where these traces are
# not at hand the bundled samples stand in, two days on 8 hosts, so that every cell runs.

# %%
traces = Path(os.environ.get("GALERNA_SHARED") or "../shared") / "traces"
real = (traces / "haizea/30days.swf").exists()
if real:
    leases = {
        "workload": str(traces / "haizea/30days.swf"),
        "inject": [str(traces / "haizea/30days_work_20-dur_3h-size_2medium.old.lwf")],
    }
    load = {"path": str(traces / "bitbrains-rnd/cpu_mem_2013-07_08.parquet"), "day": "8"}
    hosts = 144
else:
    leases, load, hosts = {"adjust": {"cpu": 100}}, {"path": "sample"}, 8

SCENARIO = {
    "leases": {"load": "replayed", "preemption": "ar-preempts-best-effort", **leases},
    "trace": load,
    "fleet": {"hosts": [{"machine": "hp-ml110-g5", "count": hosts, "ram-gib": 4 if real else 8}]},
    "costs": {
        "energy-price": {"made": {"mean": 0.25, "swing": 0.3, "peak-h": 19}, "then": "hold"},
        "carbon-intensity": {"made": {"mean": 350, "swing": 0.35, "peak-h": 20}, "then": "hold"},
        "pue": 1.4,
        "carbon-price": 80.0,
        "vm-hour-price": 0.02,
        "sla": [{"from": 99.9, "credit": 0}, {"from": 99, "credit": 10}, {"from": 0, "credit": 30}],
    },
}


def scenario(**changes):
    """The scenario with some keys of its sections changed."""
    names = set(SCENARIO) | set(changes)
    return {name: {**SCENARIO.get(name, {}), **changes.get(name, {})} for name in names}


# %% [markdown]
# ## Three ways through the same month
#
# **Haizea-like**: VMs stay where the calendar puts them, and all hosts are on. **CloudSim-
# like**: local regression, minimum migration time and PABFD pack the VMs by their load, and
# empty hosts sleep at once, whatever the calendar says. **Both**: the same policies, and a host
# is woken in time for every start that is promised.

# %%
lr_mmt = {"overload": {"kind": "lr", "safety": 1.2}}
WAYS = {
    "Haizea-like": scenario(),
    "CloudSim-like": scenario(leases={"consolidate": "blind"}, policy=lr_mmt),
    "both": scenario(leases={"consolidate": "foresighted"}, policy=lr_mmt),
}
runs = {name: gl.run(spec) for name, spec in WAYS.items()}


def figures(run):
    """What a run came to, in a row."""
    leases, costs = run.lease_summary, run.costs
    return {
        "kWh": run.summary["energy_kwh"],
        "hosts on": run.summary["active_hosts_mean"],
        "migrations": run.summary["migrations"],
        "work undone, %": 100 * run.summary["overall_sla_violation"],
        "reserved VMs late": leases.get("late_reserved", 0),
        "other VMs late": leases.get("late_others", 0),
        "kg CO2e": costs["emissions_kg"],
        "balance": costs["balance"],
    }


def table(runs):
    """A row for each of `runs`."""
    return pl.DataFrame([{"way": name, **figures(run)} for name, run in runs.items()])


with pl.Config(tbl_cols=-1, tbl_width_chars=140, tbl_hide_dataframe_shape=True, float_precision=2):
    print(table(runs))

# %% [markdown]
# What becomes of the leases is the same in all three: the calendar decides that. The energy
# falls to a quarter as soon as hosts may sleep. But the consolidator that knows no tomorrow
# lets thousands of VMs of reservations begin late, as their hosts have to wake first; the one
# that looks at the calendar lets none, for next to nothing.

# %%
day = slice(5, 12) if real else slice(0, 2)
figure, axes = plt.subplots(2, 1, figsize=(9, 5.4), sharex=True, layout="constrained")
COLOURS = {"Haizea-like": "#6c757d", "CloudSim-like": "#c23b22", "both": "#2a6f97"}
for name, run in runs.items():
    week = run.samples.filter(
        (pl.col("time_s") >= day.start * DAY) & (pl.col("time_s") < day.stop * DAY)
    )
    at = week["time_s"] / DAY
    axes[0].plot(at, week["hosts_on"], label=name, color=COLOURS[name], linewidth=1.2)
axes[0].set_ylabel("hosts on")
above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "frameon": False, "ncols": 3}
axes[0].legend(**above)
week = runs["both"].samples.filter(
    (pl.col("time_s") >= day.start * DAY) & (pl.col("time_s") < day.stop * DAY)
)
axes[1].plot(week["time_s"] / DAY, week["vms"], color="#bc6c25", linewidth=1.2, label="VMs")
cores = week["demand_mips"] / 2660
axes[1].plot(week["time_s"] / DAY, cores, color="#606c38", linewidth=1.2, label="cores in use")
axes[1].set(xlabel="day", ylabel="VMs, cores", ylim=0)
axes[1].legend(**above)
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## A decision, explained and taken back
#
# Every migration can be asked why. The run is repeated, which gives the same to the last bit,
# and this time it tells what it saw. Then it is run again without that decision.

# %%
both = runs["both"]
begun = both.moves.filter(pl.col("start_us") > (day.start + 0.5) * DAY * 1e6)
vm = begun["vm"][0]
choice = next(
    one for one in both.explain(vm=vm) if one["to"] is not None and one["from"] is not None
)
print(choice["words"])

# %%
other = both.without(choice["at_s"], vm=choice["vm"])
changed = {
    name: (value, other["without"]["summary"][name])
    for name, value in other["as_it_was"]["summary"].items()
    if value != other["without"]["summary"][name]
}
print(f"the runs differ from {other['differs_from_s']:,.0f} s on; {len(changed)} figures change:")
for name in ("energy_kwh", "migrations", "overall_sla_violation"):
    if name in changed:
        was, would = changed[name]
        print(f"  {name:<22} {was:>14.6g}   without it {would:>14.6g}")

# %% [markdown]
# ## Hosts fail
#
# Each host fails every three weeks in the mean and is out for some four hours. A failure is
# noticed after 30 s and a VM boots in 60 s: who finds room at once is down for a minute and a
# half. Headroom keeps a host ready where the others could not take in all VMs of reservations of
# any one that fails; what remains are failures so soon after another that it was in use.

# %%
outages = {"host": {"mtbf-h": 500, "mttr-h": 4, "shape": 1.5, "repair": "lognormal"}}
failing = {
    "failures": scenario(leases={"consolidate": "foresighted"}, policy=lr_mmt, outages=outages),
    "and headroom": scenario(
        leases={"consolidate": "foresighted"}, policy=lr_mmt, outages={**outages, "headroom": 1}
    ),
}
failed = {name: gl.run(spec) for name, spec in failing.items()}
for name, run in failed.items():
    restarts = run.restarts
    reserved = restarts.filter(pl.col("priority") > 0)
    down = (reserved["up_us"] - reserved["failed_us"]).drop_nulls() / 1e6
    at_once = down.filter(down <= 90.0).len()
    print(
        f"{name}: {run.outages.height} failures, {restarts.height} VMs down, {reserved.height} of"
        f" them of reservations, {at_once} of these up again at once;"
        f" {run.summary['energy_kwh']:,.0f} kWh"
    )

# %% [markdown]
# ## What can wait, waits for clean energy
#
# Best-effort leases may be held back for twelve hours, until the energy that they will use is
# at its cleanest; and as most VMs use little of what they ask for, hosts are promised to more
# of them, as many as run short for one per cent of the time on other days.

# %%
learnt = {"risk": 0.01, "from": "0d", "to": "10d"} if real else {"risk": 0.01, "to": "6h"}
greener = {
    "both": both,
    "shifted": gl.run(
        scenario(
            leases={"consolidate": "foresighted", "shifting": {"at-most-s": 12 * HOUR}},
            policy=lr_mmt,
        )
    ),
    "overbooked": gl.run(
        scenario(leases={"consolidate": "foresighted", "overbooking": learnt}, policy=lr_mmt)
    ),
}
rows = [
    {
        "way": name,
        "kWh": run.summary["energy_kwh"],
        "g CO2e per kWh": 1000 * run.costs["emissions_kg"] / run.costs["site_energy_kwh"],
        "wait, h": run.lease_summary["mean_wait_s"] / HOUR,
        "all done, days": run.lease_summary["all_best_effort_s"] / DAY,
        "balance": run.costs["balance"],
    }
    for name, run in greener.items()
]
with pl.Config(tbl_cols=-1, tbl_width_chars=120, tbl_hide_dataframe_shape=True, float_precision=2):
    print(pl.DataFrame(rows))
