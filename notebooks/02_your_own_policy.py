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
# # Your own policy
#
# A step of consolidation answers four questions: which hosts are overloaded, which could be
# emptied, which VM leaves, where does it go? Each can be answered in Python, by a plain class or
# function, and so can all of them at once.
#
# ## Which VM leaves?
#
# MMT, the published answer, takes the VM with the least memory until the host is no longer
# overloaded. In Python that is one expression, and the same run, event by event:

# %%
import galerna as gl


def smallest(host, vms):
    return min(vms, key=lambda vm: vm.ram_bytes)


mmt = gl.run("mad-mmt")
assert gl.run("mad-mmt", select=smallest).event_log_blake3 == mmt.event_log_blake3

# %% [markdown]
# MMT often moves three small VMs where one would have done. What if the VM leaves that asks for
# most?


# %%
def hungriest(host, vms):
    return max(vms, key=lambda vm: vm.demand_mips)


runs = {"MMT": mmt, "hungriest": gl.run("mad-mmt", select=hungriest)}

# %% [markdown]
# ## Where does it go?
#
# PABFD puts a VM where it adds least power and asks the detector whether the host would be
# overloaded. VMs that peak together should not share a host, so this placer adds the VM's past to
# that of each host instead and looks at the worst of the last two and a half hours. Everything is
# an array with one row per host, so NumPy does the work.

# %%
import numpy as np


class PeakAware:
    """Where the VM adds least power among the hosts that their common past would not overload."""

    decreasing = True  # the most demanding VM first

    def __init__(self, limit=0.95):
        self.limit = limit

    def choose(self, vm, hosts):
        if len(hosts) == 0:
            return None
        capacity, allocated = hosts.capacity_mips, hosts.allocated_mips
        past = np.nan_to_num(hosts.history[:, -len(vm.history) :])
        together = past + np.array(vm.history) * vm.mips / capacity[:, None]
        before = np.where(hosts.vms > 0, hosts.power(allocated / capacity), 0.0)
        increase = hosts.power((allocated + vm.demand_mips) / capacity) - before
        increase[together.max(axis=1) > self.limit] = np.inf
        best = increase.argmin()
        return hosts[best] if np.isfinite(increase[best]) else None


runs["hungriest, peak-aware"] = gl.run("mad-mmt", select=hungriest, place=PeakAware())

# %% [markdown]
# Before such a class goes into a paper it should be put to the test. `check_policy` runs it
# through tiny worlds: one VM, a surge, VMs that ask for nothing, little memory. It must repeat
# itself, leave alone what it is lent, and lose no VM.

# %%
from galerna.testing import check_policy

print(check_policy(PeakAware()))

# %% [markdown]
# ## Who moves where?
#
# A planner takes over the whole step. It sees a snapshot and answers with pairs of VM and host.
# This one is shy: it relieves overloaded hosts by one VM each, and empties a host only when that is
# nearly idle. What it tries in the draft is its plan.


# %%
class Shy:
    """One VM off each overloaded host; then the emptiest host, if it is below `below`."""

    def __init__(self, below=0.25):
        self.below = below

    def plan(self, snapshot):
        draft, at = snapshot.draft, snapshot.host_ids
        over = np.flatnonzero(snapshot.hosts.overloaded())
        for host in over:
            movable = np.flatnonzero((at == host) & snapshot.movable)
            if len(movable):
                self.put(draft, movable[snapshot.vms.demand_mips[movable].argmax()], over)
        load = np.where(snapshot.hosts.vms > 0, snapshot.hosts.utilisation, np.inf)
        emptiest = load.argmin()
        vms = np.flatnonzero(at == emptiest)
        if load[emptiest] < self.below and snapshot.movable[vms].all():
            mark = draft.mark()
            if not all(self.put(draft, vm, [*over, emptiest]) for vm in vms):
                draft.undo(mark)
        return draft.placed

    def put(self, draft, vm, forbidden):
        awake = [h for h in draft.candidates(vm) if h.vms and h.id not in forbidden]
        for host in sorted(awake, key=lambda host: host.free_mips):
            if not host.would_be_overloaded():
                draft.put(vm, host)
                return True
        return False


runs["planner"] = gl.run("mad-mmt", plan=Shy())

# %% [markdown]
# ## What it all came to
#
# Against five classics under the same rules, all with MMT and PABFD:

# %%
import polars as pl

for name in ("thr", "iqr", "mad", "lr", "lrr"):
    runs[f"{name.upper()}-MMT"] = gl.run(f"{name}-mmt")
runs.pop("MMT")

figures = ["energy_kwh", "esv", "migrations", "slatah", "pdm"]
table = pl.DataFrame(
    [{"policy": name, **{f: run.summary[f] for f in figures}} for name, run in runs.items()]
).sort("esv")
table

# %%
import matplotlib.pyplot as plt

own = ["hungriest", "hungriest, peak-aware", "planner"]
figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
for row in table.iter_rows(named=True):
    mine = row["policy"] in own
    colour = "tab:red" if mine else "tab:blue"
    axes.scatter(row["energy_kwh"], row["slatah"] * 100, s=60, color=colour)
    left = row["policy"] == "LR-MMT"  # its neighbour LRR-MMT has the room to the right
    axes.annotate(
        f"{row['policy']}\n{row['migrations']:,} migrations",
        (row["energy_kwh"], row["slatah"] * 100),
        xytext=(-8 if left else 8, -4),
        textcoords="offset points",
        ha="right" if left else "left",
        fontsize=8,
    )
axes.set(
    xlabel="energy, kWh",
    ylabel="time overloaded, % of time on",
    title="Own policies (red) and classics (blue), bundled sample",
)
axes.margins(x=0.25, y=0.15)
axes.grid(alpha=0.3)
plt.show()

# %% [markdown]
# The table shows one day and one seed, so it is a beginning and no result:
# [compare](../docs/compare-and-sweep.md) says whether differences hold over days and seeds.
# `help(gl.policy)` lists every form of policy, `policies/python` has complete ones.
