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
# # Forecasts: no model is best on every trace
#
# What will a VM ask for in five minutes, in half an hour? Many papers answer with a model that wins
# on one trace. Here are two traces and the same models on both, among them two that are not
# galerna's: LightGBM, and AutoETS of statsforecast. Their forecasts come in through a file, and all
# are judged on the same points.

# %%
import itertools
import os
import tempfile
import time
import warnings
from pathlib import Path

import galerna as gl
import lightgbm as lgb
import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from statsforecast.models import AutoETS

warnings.filterwarnings("ignore", category=UserWarning)
HORIZONS, QUANTILES = [1, 6], [0.5, 0.9]
scratch = Path(tempfile.mkdtemp())

# %% [markdown]
# ## Two traces
#
# A day of PlanetLab, and a day of a Google cluster. Where the published traces are not at hand the
# bundled sample stands for PlanetLab, of which it is an imitation, and made-up series with a memory
# for Google: then the figures are no results, but every cell runs.
#
# VMs are rows. Some teach, some calibrate, and those that test are judged: 120 of each trace, as a
# fit of AutoETS for every forecast takes its time.


# %%
def rows_of(path, **options):
    """The CPU of every VM of a trace as fractions, a row per VM."""
    plain = scratch / "plain.parquet"
    gl.traces.convert(path, plain, **options)
    frame = pl.read_parquet(plain).sort("vm", "step", maintain_order=True)
    values = frame["cpu_pct"] / 100 if "cpu_pct" in frame.columns else frame["cpu"]
    return values.to_numpy().reshape(frame["vm"].n_unique(), -1).astype(np.float32)


def with_memory(vms, samples, seed=5):
    """Made-up load that wanders: what was is the best guess of what comes."""
    draws = np.random.default_rng(seed)
    load = np.empty((vms, samples), dtype=np.float32)
    load[:, 0] = level = draws.uniform(0.1, 0.5, vms)
    for at in range(1, samples):
        pull = 0.05 * (level - load[:, at - 1])
        load[:, at] = np.clip(load[:, at - 1] + pull + draws.normal(0, 0.02, vms), 0, 1)
    return load


traces = Path(os.environ.get("GALERNA_SHARED") or "../shared") / "traces"
planetlab, google = (
    traces / "planetlab/planetlab_long.parquet",
    traces / "google-2011-gcd/cpu_mem.parquet",
)
real = planetlab.exists() and google.exists()
panels = {
    "PlanetLab": rows_of(planetlab, day="20110403") if real else rows_of("sample"),
    "Google": rows_of(google) if real else with_memory(900, 288),
}
PARTS = {"train": "vms:0..600", "calibrate": "vms:600..750", "test": "vms:750..870"}
TEST = slice(750, 870)
points = {
    name: gl.forecast.points(panel, horizons=HORIZONS, stride=25, **PARTS)
    for name, panel in panels.items()
}
{name: (panel.shape, points[name].height) for name, panel in panels.items()}

# %% [markdown]
# Three VMs of each. PlanetLab is noise around a level, on Google a load lasts.

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 3.2), layout="constrained", sharey=True)
for axis, (name, panel) in zip(axes, panels.items(), strict=True):
    spread = panel[TEST].std(axis=1)
    typical = np.argsort(np.abs(spread - np.median(spread)))[:3]
    for row in typical:
        axis.plot(np.arange(288) / 12, 100 * panel[TEST][row], linewidth=1)
    axis.set(title=name, xlabel="hour", xlim=(0, 24))
    axis.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("CPU, %")
plt.show()

# %% [markdown]
# ## LightGBM
#
# One model per horizon and level for all VMs, with a quantile objective: 12 lags, and mean, spread
# and maximum of windows. It foresees the change from the last value.


# %%
def features(history):
    """Columns for all VMs from their samples up to now."""
    columns = [history[:, -1 - lag] for lag in range(12)]
    for width in (6, 12, 24, 48, 96):
        window = history[:, -width:]
        columns += [window.mean(1), window.std(1), window.max(1)]
    columns += [np.median(history[:, -12:], axis=1), np.median(history[:, -48:], axis=1)]
    return np.stack(columns, axis=1)


def lightgbm(panel, points):
    """Its forecasts of `points`."""
    train, test = panel[:600], panel[TEST]
    at = range(24, panel.shape[1] - max(HORIZONS), 8)
    seen = np.concatenate([features(train[:, : t + 1]) for t in at])
    origins = points["origin"].unique(maintain_order=True).to_list()
    asked = {t: features(test[:, : t + 1]) for t in origins}
    frames = []
    for horizon in HORIZONS:
        came = np.concatenate([train[:, t + horizon] - train[:, t] for t in at])
        said = {}
        for level in QUANTILES:
            options = {
                "objective": "quantile",
                "alpha": level,
                "learning_rate": 0.08,
                "num_leaves": 31,
                "min_data_in_leaf": 50,
                "num_threads": 1,
                "deterministic": True,
                "verbosity": -1,
            }
            model = lgb.train(options, lgb.Dataset(seen, came), 80)
            said[level] = [model.predict(asked[t], num_threads=1) + test[:, t] for t in origins]
        for at_origin, t in enumerate(origins):
            frames.append(
                pl.DataFrame(
                    {
                        "model": "LightGBM",
                        "vm": np.arange(len(test)),
                        "origin": t,
                        "horizon": horizon,
                        "point": np.clip(said[0.5][at_origin], 0, 1),
                        "q0.5": np.clip(said[0.5][at_origin], 0, 1),
                        "q0.9": np.clip(said[0.9][at_origin], 0, 1),
                    }
                )
            )
    return pl.concat(frames)


# %% [markdown]
# ## AutoETS
#
# One model per VM and moment: of all exponential smoothings the one with the least AICc. Its
# interval of 80 % ends at the quantile 0.9.


# %%
def auto_ets(panel, points):
    """Its forecasts of `points`."""
    test, rows = panel[TEST].astype(float), []
    for t in points["origin"].unique(maintain_order=True):
        for vm, series in enumerate(test):
            past = series[max(0, t - 143) : t + 1]
            model = AutoETS(season_length=1)
            said = model.forecast(past.copy(), h=max(HORIZONS), level=[80])
            for horizon in HORIZONS:
                point, high = said["mean"][horizon - 1], said["hi-80"][horizon - 1]
                # Where a series is constant there is no interval.
                high = point if not np.isfinite(high) else high
                point, high = np.clip([point, high], 0, 1)
                rows.append(("AutoETS", vm, t, horizon, point, point, high))
    columns = ["model", "vm", "origin", "horizon", "point", "q0.5", "q0.9"]
    return pl.DataFrame(rows, schema=columns, orient="row")


# %%
external, cost = {}, {}
for name, panel in panels.items():
    said = []
    for tool, forecast in {"LightGBM": lightgbm, "AutoETS": auto_ets}.items():
        began = time.process_time()
        said.append(forecast(panel, points[name]))
        cost[name, tool] = (time.process_time() - began) * 1e6 / (points[name].height / 2)
    external[name] = scratch / f"{name}.csv"
    pl.concat(said, how="vertical_relaxed").write_csv(external[name])
pl.read_csv(external["Google"]).head(3)

# %% [markdown]
# ## Judged on the same points
#
# The ratio of the mean absolute error to that of the last value: below 1 is better than saying that
# nothing changes.

# %%
MODELS = ["selector", "lqr", "median-12", "ar-6", "random-forest-20"]
found = {
    name: gl.forecast.evaluate(
        panel,
        MODELS,
        horizons=HORIZONS,
        quantiles=QUANTILES,
        stride=25,
        external=external[name],
        **PARTS,
    )
    for name, panel in panels.items()
}
rows = pl.concat(
    [result.rows.with_columns(trace=pl.lit(name)) for name, result in found.items()],
    how="diagonal_relaxed",
)
table = rows.select(
    "model",
    pl.format("{} {} min", "trace", 5 * pl.col("horizon")).alias("where"),
    pl.col("mae_ratio").round(3),
).pivot("where", index="model", values="mae_ratio")
table

# %%
SHOWN = ["last", "median-12", "ar-6", "AutoETS", "random-forest-20", "LightGBM", "lqr", "selector"]
COLOURS = dict(
    zip(
        SHOWN,
        ["#999999", "#dda15e", "#bc6c25", "#606c38", "#8a9a5b", "#2a6f97", "#61a5c2", "#c23b22"],
        strict=True,
    )
)
figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained", sharey=True)
for axis, horizon in zip(axes, HORIZONS, strict=True):
    at = rows.filter(horizon=horizon)
    ends = []
    for model in SHOWN:
        ratios = [at.filter(model=model, trace=name)["mae_ratio"].item() for name in panels]
        width = 3 if model == "selector" else 1.6
        axis.plot([0, 1], ratios, color=COLOURS[model], linewidth=width, marker="o")
        ends.append([ratios[1], model])
    # Labels that would lie on each other are pushed apart.
    ends.sort()
    gap = 0.045 * (rows["mae_ratio"].max() - rows["mae_ratio"].min())
    for low, high in itertools.pairwise(ends):
        high.append(high[0])
        high[0] = max(high[0], low[0] + gap)
    for height, model, *_ in ends:
        axis.text(1.04, height, model, color=COLOURS[model], va="center", fontsize=9)
    axis.set(title=f"{5 * horizon} minutes ahead", xticks=[0, 1], xlim=(-0.1, 1.55))
    axis.set_xticklabels(list(panels))
    axis.grid(axis="y", alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("MAE over that of the last value")
plt.show()

# %% [markdown]
# Lines that cross are rankings that reverse. The median of an hour is among the best where load is
# noise around a level, and worse than saying that nothing changes where it lasts. The selector
# chooses per VM what has erred least of late, and is among the best of both.
#
# ## Quantiles and cost
#
# A consolidation decision needs the high quantile rather than the middle. Pinball loss and coverage
# at 0.9, next sample:

# %%
rows.filter(pl.col("horizon") == 1, pl.col("pinball_0.9").is_not_null()).select(
    "trace",
    "model",
    pl.col("pinball_0.9").round(3),
    pl.col("coverage_0.9").round(3),
)

# %% [markdown]
# And what a forecast of all horizons and levels costs, in microseconds (for LightGBM with its
# training, which is paid once):

# %%
ours = rows.filter(horizon=1, trace="PlanetLab").filter(pl.col("us_per_prediction").is_not_null())
costs = dict(zip(ours["model"], ours["us_per_update"] + ours["us_per_prediction"], strict=True))
costs |= {tool: us for (name, tool), us in cost.items() if name == "PlanetLab"}
for model, us in sorted(costs.items(), key=lambda pair: pair[1]):
    print(f"{model:18} {us:12,.2f} us")

# %%
ratio = {
    (row["model"], row["trace"], row["horizon"]): row["mae_ratio"]
    for row in rows.iter_rows(named=True)
}
for horizon in HORIZONS:
    here, there = ratio["median-12", "PlanetLab", horizon], ratio["median-12", "Google", horizon]
    assert here < 1, "a median beats the last value where load is noise"
    assert ratio["selector", "PlanetLab", horizon] < here + 0.02
    assert ratio["selector", "Google", horizon] < there + 0.02
assert ratio["median-12", "Google", 1] > 1, "and loses where load lasts"
assert costs["AutoETS"] > 100 * costs["selector"]
