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
# # First run
#
# 1,052 VMs run on 800 hosts for a day. Every five minutes a policy moves VMs, so that hosts with
# little to do can be switched off and hosts with too much are relieved. What does that save, and
# what does it cost?

# %%
import galerna as gl

run = gl.run("lr-mmt")
run

# %% [markdown]
# `lr-mmt` names a bundled policy (`gl.policies()` lists them): local regression says which hosts
# will be overloaded, and the VM that migrates fastest leaves. The load is the bundled sample, which
# is synthetic; `trace__path` and `trace__day` select a published trace.
#
# The same without any migration:

# %%
dvfs = gl.run("dvfs")
saved = 1 - run.summary["energy_kwh"] / dvfs.summary["energy_kwh"]
print(f"{saved:.0%} less energy, at {run.summary['migrations']:,} migrations")
assert saved > 0.5

# %% [markdown]
# ## What happened
#
# Result tables are polars data frames.

# %%
import polars as pl

run.actions.head()

# %%
run.actions.group_by("kind").len().sort("len", descending=True)

# %%
run.hosts.sort("energy_j", descending=True).head()

# %%
import matplotlib.pyplot as plt

hours = run.samples["time_s"] / 3600
figure, (upper, lower) = plt.subplots(2, sharex=True, figsize=(8, 5), layout="constrained")
upper.plot(hours, run.samples["hosts_on"], color="tab:blue")
upper.set(ylabel="hosts on", ylim=(0, None), title="LR-MMT on the bundled sample")
lower.plot(hours, run.samples["power_w"] / 1000, color="tab:red")
lower.set(ylabel="power, kW", xlabel="hours", ylim=(0, None), xlim=(0, 24), xticks=range(0, 25, 4))
for axes in (upper, lower):
    axes.grid(alpha=0.3)
plt.show()

# %% [markdown]
# ## A detector of one's own
#
# A plain class: no base class, nothing to register. It sees the host's load now and its past,
# oldest first, and answers `True`, `False`, or `None` while it cannot tell yet.


# %%
class Trend:
    """Overloaded when the load, carried on along its recent trend, would exceed a limit."""

    window = 6

    def __init__(self, limit: float = 0.9, ahead: float = 2.0) -> None:
        self.limit = limit
        self.ahead = ahead

    def is_overloaded(self, now, history):
        if len(history) < self.window:
            return None
        half = self.window // 2
        early, late = sum(history[:half]) / half, sum(history[half:]) / half
        slope = (late - early) / half
        return now + self.ahead * slope > self.limit


mine = gl.run("lr-mmt", overload=Trend())
mine

# %%
names = ["energy_kwh", "migrations", "slatah", "pdm", "slav", "esv"]
pl.DataFrame(
    {
        "metric": names,
        "LR-MMT": [float(run.summary[name]) for name in names],
        "Trend-MMT": [float(mine.summary[name]) for name in names],
    }
)

# %% [markdown]
# A detector that needs NumPy or a model is better asked about many hosts at once: `assess(hosts)`
# answers with one array. `help(gl.policy)` tells how; `policies/python` has an example.
