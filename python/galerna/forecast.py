'''What will the load be, and how sure is that?

`evaluate` judges forecasters on a trace or on series of your own, `fit` and `load` give one that
forecasts, and `Detector` lets any of them decide about overload in a run.

>>> import galerna as gl
>>> found = gl.forecast.evaluate("sample", ["selector-plain", "median-12"], horizons=[1, 6])
>>> found.rows.filter(model="median-12", horizon=1)["mae_ratio"].item() < 0.9
True

Series are a NumPy array with a row per VM, oldest sample first, or a polars frame with a column per
VM and a row per sample; values are fractions of the capacity, NaN or null where there is none.
`names()` lists the built-in forecasters, docs/forecasting.md describes them.

**Your own** is an object with one of two methods; no base class is needed. `forecast` is asked
about one series at a time, `forecast_all` about all of them; both get what came up to the moment
and nothing later, NaN where a sample is missing.

>>> import numpy as np
>>> class Middle:
...     """Half way between the last value and the mean of a day."""
...     def forecast_all(self, histories, horizons, quantiles):
...         past = np.nan_to_num(histories[:, -288:])
...         point = 0.5 * past[:, -1] + 0.5 * past.mean(axis=1)
...         return np.repeat(point[:, None], len(horizons), axis=1)
>>> found = gl.forecast.evaluate("sample", [Middle(), "last"], horizons=[1, 6])
>>> found.rows["model"].to_list()
['last', 'last', 'Middle', 'Middle', 'last', 'last']

The answer has a number per (series and) horizon, or per horizon the point and then every quantile.
It is brought into [0, 1] and its quantiles into ascending order. A method `fit(train, calibrate)`
is called before with the series of these parts; `name` is what tables call it. Another shape, text,
or what is not a number raises `ForecastError` (GLN-168); what your code raises comes out unchanged,
with a note that says of which series and sample it was asked.
'''

from __future__ import annotations

import io
import json
import math
import os
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from galerna import _core
from galerna.errors import ForecastError
from galerna.traces import changes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from galerna._core import HostLoads

    Array: TypeAlias = npt.NDArray[np.float32]
    Series = npt.NDArray[np.floating[Any]] | pl.DataFrame

Path = str | os.PathLike[str]

HORIZONS = (1, 6, 12)
QUANTILES = (0.5, 0.9, 0.95)

HIGHEST = 4.0
"""The highest forecast of a host's utilisation: demand may pass the capacity."""


@runtime_checkable
class SeriesForecaster(Protocol):
    """Forecasts one series at a time."""

    def forecast(
        self, history: Array, horizons: tuple[int, ...], quantiles: tuple[float, ...]
    ) -> npt.ArrayLike:
        """Of the samples up to now, shape (t,): a point per horizon, shape (h,), or the point and
        the quantiles, shape (h, 1 + q)."""


@runtime_checkable
class PanelForecaster(Protocol):
    """Forecasts all series at once."""

    def forecast_all(
        self, histories: Array, horizons: tuple[int, ...], quantiles: tuple[float, ...]
    ) -> npt.ArrayLike:
        """Of the samples up to now, shape (n, t): points, shape (n, h), or points and quantiles,
        shape (n, h, 1 + q)."""


def names() -> list[str]:
    """The built-in forecasters; those with a number in their name take others as well.

    >>> "selector" in names() and "random-forest-20" in names()
    True
    """
    return _core.forecasters()


class Forecaster:
    """A built-in forecaster, for series of one sampling interval.

    >>> import numpy as np
    >>> series = np.random.default_rng(1).uniform(0.2, 0.4, (5, 300))
    >>> Forecaster("median-12", horizons=[1], quantiles=[]).predict(series).columns
    ['series', 'horizon', 'point']

    `horizons` are samples ahead, `quantiles` levels in (0, 1), both ascending; `step_s` is the time
    from sample to sample, by which a daily cycle is known; forecasts lie in [0, `cap`]. Raises
    `ForecastError` for what is unknown or impossible.
    """

    def __init__(
        self,
        name: str = "selector",
        *,
        horizons: Sequence[int] = HORIZONS,
        quantiles: Sequence[float] = QUANTILES,
        step_s: float = 300.0,
        cap: float = 1.0,
    ) -> None:
        season = max(round(86_400 / step_s), 1)
        self._inner = _core.Forecaster(name, list(horizons), list(quantiles), season, cap)

    @classmethod
    def _of(cls, inner: _core.Forecaster) -> Forecaster:
        made = cls.__new__(cls)
        made._inner = inner
        return made

    @property
    def name(self) -> str:
        """Its name."""
        return self._inner.name

    @property
    def horizons(self) -> tuple[int, ...]:
        """Samples ahead."""
        return tuple(self._inner.horizons)

    @property
    def quantiles(self) -> tuple[float, ...]:
        """Levels."""
        return tuple(round(level, 6) for level in self._inner.quantiles)

    def fit(self, train: Series, calibrate: Series | None = None) -> Forecaster:
        """Learns from `train`, and corrects its quantiles on `calibrate` (default: on `train`,
        which flatters them). A forecaster of one series at a time has nothing to learn."""
        learned = matrix(train)[0]
        self._inner.fit(learned, learned if calibrate is None else matrix(calibrate)[0])
        return self

    def save(self, path: Path) -> None:
        """Writes it, with all that it has learned, as JSON."""
        self._inner.save(os.fspath(path))

    def bank(self, series: int) -> _core.Bank:
        """Empty states of so many series: `update(values)` takes the next sample of each, and
        `predict()` answers at once, in memory that does not grow."""
        return self._inner.bank(series)

    def predict_array(self, series: Series) -> Array:
        """What comes after `series`, shape (series, horizons, 1 + quantiles); quantiles are NaN
        where the forecaster gives none."""
        values, _ = matrix(series)
        bank = self._inner.bank(len(values))
        for column in values.T:
            bank.update(column.copy())
        return bank.predict()

    def predict(self, series: Series) -> pl.DataFrame:
        """What comes after `series`: a row per series and horizon, with the point and a column per
        quantile (`q0.9`).

        >>> import polars as pl
        >>> load = pl.DataFrame({"a": [0.2] * 50, "b": [0.7] * 50})
        >>> ahead = Forecaster("last", horizons=[6]).predict(load)
        >>> ahead.select("series", "horizon", pl.col("point").cast(float).round(3)).rows()
        [('a', 6, 0.2), ('b', 6, 0.7)]
        """
        import polars as pl

        _, labels = matrix(series)
        found = self.predict_array(series)
        horizons = list(self.horizons)
        columns: dict[str, Any] = {
            "series": [label for label in labels for _ in horizons],
            "horizon": horizons * len(labels),
            "point": found[:, :, 0].ravel(),
        }
        for at, level in enumerate(self.quantiles):
            columns[f"q{level:g}"] = found[:, :, 1 + at].ravel()
        return pl.DataFrame(columns)


def fit(
    train: Series, name: str = "selector", calibrate: Series | None = None, **options: Any
) -> Forecaster:
    """A built-in forecaster that has learned from `train`; `options` are those of `Forecaster`.

    >>> import numpy as np
    >>> series = np.random.default_rng(1).uniform(0.2, 0.4, (20, 300))
    >>> fit(series, "lqr", horizons=[1]).predict(series)["q0.95"].mean() > 0.37
    True
    """
    return Forecaster(name, **options).fit(train, calibrate)


def load(path: Path) -> Forecaster:
    """The forecaster that `Forecaster.save` or `galerna forecast fit --model` wrote.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "ses.json"
    >>> Forecaster("ses").save(path)
    >>> load(path).name
    'ses'
    """
    return Forecaster._of(_core.Forecaster.load(os.fspath(path)))


class Evaluation:
    """What an evaluation found."""

    def __init__(self, report: str, table: str, markdown: str) -> None:
        self.report: dict[str, Any] = json.loads(report)
        """Everything, as `galerna forecast evaluate --format json` prints it."""
        self._table = table
        self._markdown = markdown

    @property
    def rows(self) -> pl.DataFrame:
        """A row per model and horizon: errors, ratios to the last value, and per level
        `pinball_0.9`, `coverage_0.9` and so on."""
        import polars as pl

        return pl.DataFrame([flat(row) for row in self.report["rows"]], infer_schema_length=None)

    @property
    def overload(self) -> pl.DataFrame:
        """A row per detector and horizon; empty unless hosts were drawn."""
        import polars as pl

        rows = [
            {key: value for key, value in row.items() if key != "reliability"}
            for row in self.report["overload"]
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def markdown(self) -> str:
        """The tables for a document."""
        return self._markdown

    def __str__(self) -> str:
        return self._table


def evaluate(
    source: Path | Series,
    models: Iterable[str | Forecaster | SeriesForecaster | PanelForecaster] = ("selector",),
    *,
    horizons: Sequence[int] = HORIZONS,
    quantiles: Sequence[float] = QUANTILES,
    train: str | None = None,
    calibrate: str | None = None,
    test: str | None = None,
    stride: int = 5,
    resource: str = "cpu",
    external: Path | None = None,
    hosts: int = 0,
    host_vms: int = 20,
    limit: float = 0.9,
    seed: int = 0,
    step_s: float = 300.0,
    **trace: Any,
) -> Evaluation:
    """Judges `models` on the same points, as `galerna forecast evaluate` does.

    `source` is a trace, with the options of `galerna.traces`, or series at hand, `step_s` seconds
    from sample to sample. A model is a name, a file that ends with `.json`, a `Forecaster` that was
    fitted before, or one of your own; the last value is always judged. `train`, `calibrate` and
    `test` are days, `vms:0..500` or `time:0..60%`. `external` is a csv of forecasts made elsewhere.
    With `hosts`, detectors of overload are judged as well on so many hosts of `host_vms` VMs, above
    `limit` of their capacity.

    >>> import numpy as np
    >>> series = np.random.default_rng(1).uniform(0.2, 0.4, (20, 500))
    >>> found = evaluate(series, ["mean-48"], horizons=[1], quantiles=[])
    >>> 0.65 < found.rows.filter(model="mean-48")["mae_ratio"].item() < 0.85
    True

    Raises `ForecastError`, `TraceError`, and whatever a forecaster of your own raises.
    """
    parts, question = (train, calibrate, test), (horizons, quantiles, stride)
    inner = begun(source, parts, resource, step_s, trace, question)
    for model in models:
        judge(inner, model, tuple(horizons), tuple(quantiles))
    if external is not None:
        inner.judge_file(os.fspath(external))
    return Evaluation(*inner.report(hosts, host_vms, limit, seed))


def points(
    source: Path | Series,
    *,
    horizons: Sequence[int] = HORIZONS,
    train: str | None = None,
    calibrate: str | None = None,
    test: str | None = None,
    stride: int = 5,
    resource: str = "cpu",
    step_s: float = 300.0,
    **trace: Any,
) -> pl.DataFrame:
    """The points that `evaluate` judges with these options: row of the series in the test part, its
    name, sample at which the forecast is made, samples ahead. What other tools say of them goes
    into the file `external`, as `model,vm,origin,horizon,point,q0.9`.

    >>> import numpy as np
    >>> points(np.zeros((2, 400)), horizons=[1, 6], stride=90).rows()[:3]
    [(0, '0', 300, 1), (0, '0', 300, 6), (1, '1', 300, 1)]
    """
    import polars as pl

    inner = begun(source, (train, calibrate, test), resource, step_s, trace, (horizons, (), stride))
    return pl.read_csv(io.StringIO(inner.points()), schema_overrides={"name": pl.String})


def begun(
    source: Path | Series,
    parts: tuple[str | None, str | None, str | None],
    resource: str,
    step_s: float,
    trace: dict[str, Any],
    question: tuple[Sequence[int], Sequence[float], int],
) -> _core.Evaluation:
    """An evaluation in which nothing was judged yet."""
    horizons, quantiles, stride = question
    given = (list(horizons), list(quantiles), stride)
    if isinstance(source, str | os.PathLike):
        return _core.Evaluation.of_trace(changes(source, trace), parts, resource, given)
    values, labels = matrix(source)
    return _core.Evaluation.of_panel(values, labels, step_s, parts, given)


def judge(
    inner: _core.Evaluation,
    model: str | Forecaster | SeriesForecaster | PanelForecaster,
    horizons: tuple[int, ...],
    quantiles: tuple[float, ...],
) -> None:
    """Judges one model."""
    if isinstance(model, str):
        if model.endswith(".json"):
            inner.judge_fitted(load(model)._inner)
        else:
            inner.judge(model)
        return
    if isinstance(model, Forecaster):
        inner.judge_fitted(model._inner)
        return
    import numpy as np

    name = name_of(model)
    learn = getattr(model, "fit", None)
    if learn is not None:
        noted(f"{name}, fit", learn, inner.part("train")[0], inner.part("calibrate")[0])
    series, _ = inner.part("test")
    origins = inner.origins()
    began = time.perf_counter()
    rows = [answer(model, series[:, : at + 1].copy(), horizons, quantiles, at) for at in origins]
    us = (time.perf_counter() - began) * 1e6 / (len(origins) * len(series))
    inner.judge_said(name, np.concatenate(rows, axis=None, dtype=np.float32), us)


def answer(
    model: SeriesForecaster | PanelForecaster,
    histories: Array,
    horizons: tuple[int, ...],
    quantiles: tuple[float, ...],
    at: int,
    cap: float = 1.0,
) -> Array:
    """What a forecaster of one's own says after `histories`, of which sample `at` is the last:
    shape (n, h, 1 + q), in [0, `cap`], quantiles ascending, NaN where it gives none."""
    import numpy as np

    name, count = name_of(model), len(histories)
    histories.flags.writeable = False
    if isinstance(model, PanelForecaster):
        where = f"{name}, sample {at}"
        said = noted(where, model.forecast_all, histories, horizons, quantiles)
        found = whole(said, (count, len(horizons)), quantiles, where)
    elif isinstance(model, SeriesForecaster):
        each = []
        for row, history in enumerate(histories):
            where = f"{name}, series {row}, sample {at}"
            said = noted(where, model.forecast, history, horizons, quantiles)
            each.append(whole(said, (len(horizons),), quantiles, where))
        found = np.stack(each)
    else:
        what = f"`{type(model).__name__}` has neither `forecast` nor `forecast_all`"
        raise fault("models", what, "Give it one of these methods")
    found[..., 1:].sort(axis=-1)
    tidy: Array = np.clip(found, 0.0, cap)
    return tidy


def whole(
    said: npt.ArrayLike, points: tuple[int, ...], quantiles: tuple[float, ...], where: str
) -> Array:
    """An answer as points and quantiles; GLN-168 where it is not as it must be."""
    import numpy as np

    full = (*points, 1 + len(quantiles))
    try:
        found = np.asarray(said, dtype=np.float32)
    except (TypeError, ValueError) as error:
        what = f"the answer is no array of numbers: {error}"
        raise fault(where, what, f"Answer with shape {points} or {full}") from error
    if found.shape not in (points, full):
        what = f"the answer has shape {found.shape}, expected {points} or {full}"
        raise fault(where, what, "Answer with a point per horizon, or points and quantiles")
    wrong = np.argwhere(~np.isfinite(found))
    if len(wrong):
        place = tuple(int(index) for index in wrong[0])
        what = f"the answer is {found[place]} at {place}"
        raise fault(where, what, "Answer with finite numbers; fall back on the last value")
    if found.shape == points:
        unknown = np.full((*points, len(quantiles)), np.nan, dtype=np.float32)
        found = np.concatenate([found[..., None], unknown], axis=-1)
    kept: Array = found.copy()
    return kept


def noted(where: str, function: Any, *arguments: Any) -> Any:
    """What `function` returns; what it raises, with a note that says where."""
    try:
        return function(*arguments)
    except Exception as error:
        note = f"asked by galerna: {where}"
        if hasattr(error, "add_note"):
            error.add_note(note)
        else:  # Python 3.10
            notes = [*getattr(error, "__notes__", []), note]
            setattr(error, "__notes__", notes)  # noqa: B010
        raise


def fault(where: str, what: str, remedy: str) -> ForecastError:
    """A problem of a forecaster of one's own."""
    return ForecastError(f"GLN-168 {where}: {what}", [("GLN-168", where, what, remedy)])


def name_of(model: object) -> str:
    """What tables call it."""
    return str(getattr(model, "name", type(model).__name__))


def matrix(series: Series) -> tuple[Array, list[str]]:
    """The series as rows, and what they are called.

    >>> import polars as pl
    >>> matrix(pl.DataFrame({"a": [0.1, None], "b": [0.5, 0.75]}))
    (array([[0.1 ,  nan],
           [0.5 , 0.75]], dtype=float32), ['a', 'b'])
    """
    import numpy as np

    if hasattr(series, "columns"):
        labels = list(series.columns)
        columns = [np.asarray(column.to_numpy(), dtype=np.float32) for column in series]
        values = np.stack(columns) if columns else np.empty((0, 0), dtype=np.float32)
        return np.ascontiguousarray(values), labels
    try:
        values = np.ascontiguousarray(series, dtype=np.float32)
    except (TypeError, ValueError) as error:
        what = f"the series are no array of numbers: {error}"
        raise fault("series", what, "Give an array with a row per series") from error
    if values.ndim != 2:
        what = f"the series have shape {values.shape}, expected a row per series"
        raise fault("series", what, "Write series[None, :] for a single one")
    return values, [str(row) for row in range(len(values))]


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a report without tables in it.

    >>> flat({"model": "m", "pinball": {"0.9": 1.5}, "mae_ratio_interval": [0.7, 0.8]})
    {'model': 'm', 'pinball_0.9': 1.5, 'mae_ratio_low': 0.7, 'mae_ratio_high': 0.8}
    """
    found: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            found.update({f"{key}_{level}": figure for level, figure in value.items()})
        elif key == "mae_ratio_interval":
            found["mae_ratio_low"], found["mae_ratio_high"] = value
        else:
            found[key] = value
    return found


class Detector:
    """A host is overloaded when the forecast of its utilisation is above `limit`.

    `forecaster` is a name, a `Forecaster`, or one of your own. With `quantile`, one of its levels
    decides in place of the point; `horizon` is samples ahead. It sees the past of the VMs that are
    now on the host, `window` samples of it.

    >>> import galerna as gl
    >>> run = gl.run("mad-mmt", overload=gl.forecast.Detector("mean-12", limit=0.8, window=12))
    >>> run.summary["migrations"] > 0
    True
    """

    def __init__(
        self,
        forecaster: str | Forecaster | SeriesForecaster | PanelForecaster = "selector-plain",
        *,
        limit: float = 1.0,
        horizon: int = 1,
        quantile: float | None = None,
        window: int = 48,
        min_history: int = 6,
    ) -> None:
        if not (limit > 0 and math.isfinite(limit)):
            raise fault("detector", f"the limit is {limit}", "Write a number above 0")
        levels = [] if quantile is None else [quantile]
        if isinstance(forecaster, str):
            ahead = [horizon]
            forecaster = Forecaster(forecaster, horizons=ahead, quantiles=levels, cap=HIGHEST)
        elif isinstance(forecaster, Forecaster):
            held = (forecaster.horizons, forecaster.quantiles)
            known = horizon in held[0] and all(level in held[1] for level in levels)
            if not known:
                what = f"it forecasts {held[0]} samples ahead at {held[1]}"
                raise fault(forecaster.name, what, "Choose a horizon and level that it knows")
        self.forecaster = forecaster
        self.name = f"forecast of {name_of(forecaster)}"
        self.limit = limit
        self.window = window
        self.min_history = min_history
        self.horizon = horizon
        self.quantile = quantile

    def assess(self, hosts: HostLoads) -> npt.NDArray[np.int8]:
        """1 where the forecast is above the limit, -1 where the past is too short."""
        import numpy as np

        latest = hosts.history[:, -1:] if hosts.history.shape[1] else np.empty((len(hosts), 0))
        past = hosts.history.astype(np.float32)
        if not np.array_equal(latest[:, 0] if latest.size else np.array([]), hosts.now):
            past = np.concatenate([past, hosts.now[:, None].astype(np.float32)], axis=1)
        if isinstance(self.forecaster, Forecaster):
            found = self.forecaster.predict_array(past)
            at = self.forecaster.horizons.index(self.horizon)
            levels = self.forecaster.quantiles
        else:
            levels = () if self.quantile is None else (self.quantile,)
            ahead, last = (self.horizon,), past.shape[1] - 1
            found = answer(self.forecaster, past, ahead, levels, last, cap=HIGHEST)
            at = 0
        cell = 0 if self.quantile is None else 1 + levels.index(self.quantile)
        verdict = (found[:, at, cell] > self.limit).astype(np.int8)
        verdict[hosts.lengths < self.min_history] = -1
        return verdict
