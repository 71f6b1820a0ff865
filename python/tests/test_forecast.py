"""Forecasts from Python: built-ins, forecasters of one's own, and what they may not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import galerna as gl
import numpy as np
import polars as pl
import pytest

HORIZONS = (1, 6)


def load(series: int = 30, samples: int = 500) -> np.ndarray[Any, Any]:
    """Noise around a level per series."""
    draws = np.random.default_rng(7)
    return draws.uniform(0.1, 0.6, (series, 1)) + draws.uniform(-0.1, 0.1, (series, samples))


class Last:
    """The last value, one series at a time."""

    def forecast(self, history: Any, horizons: Any, quantiles: Any) -> Any:
        return [history[-1]] * len(horizons)


class LastOfAll:
    """The same for all at once, with quantiles around it."""

    name = "last-of-all"

    def forecast_all(self, histories: Any, horizons: Any, quantiles: Any) -> Any:
        last = histories[:, -1]
        row = np.stack([last, *(last + 0.1 * (q - 0.5) for q in quantiles)], axis=1)
        return np.repeat(row[:, None, :], len(horizons), axis=1)


def test_a_forecaster_of_ones_own_is_judged_like_a_built_in_one() -> None:
    found = gl.forecast.evaluate(load(), [Last(), LastOfAll()], horizons=HORIZONS).rows
    for horizon in HORIZONS:
        rows = found.filter(horizon=horizon)
        assert rows["model"].to_list() == ["last", "Last", "last-of-all"]
        assert rows["mae"].n_unique() == 1
        assert rows["mae_ratio"].to_list() == [1.0] * 3
    assert found.filter(model="Last")["coverage_0.9"].is_null().all()
    assert found.filter(model="last-of-all")["coverage_0.9"].is_between(0.5, 0.9).all()


def test_the_trace_gives_the_figures_of_the_command(tmp_path: Path) -> None:
    found = gl.forecast.evaluate("sample", ["median-12", Last()], stride=20, hosts=40)
    ratio = found.rows.filter(model="Last")["mae_ratio"]
    assert ratio.to_list() == [1.0] * 3
    assert "median-12" in str(found)
    assert {"risk", "lr"} <= set(found.overload["detector"])
    assert found.markdown().count("| Last |") == 3


def test_no_forecaster_sees_beyond_its_sample() -> None:
    series, seen = load(), []

    class Watch:
        def forecast_all(self, histories: Any, horizons: Any, quantiles: Any) -> Any:
            assert histories.base is None
            assert not histories.flags.writeable
            seen.append(histories.shape[1])
            assert np.array_equal(histories, series.astype(np.float32)[:, : histories.shape[1]])
            return np.zeros((len(histories), len(horizons)))

    gl.forecast.evaluate(series, [Watch()], horizons=[1], stride=30)
    # The test part is samples 375 to 500, of which the last has no successor.
    assert seen == [376, 406, 436, 466, 496]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.zeros((30, 3)), r"sample 375: the answer has shape \(30, 3\), expected \(30, 2\) or"),
        (np.zeros(30), "the answer has shape"),
        (np.full((30, 2), np.nan), r"the answer is nan at \(0, 0\)"),
        ("no idea", "the answer is no array of numbers"),
        (None, "the answer"),
    ],
)
def test_a_wrong_answer_is_an_error_and_never_a_figure(answer: Any, message: str) -> None:
    class Wrong:
        def forecast_all(self, histories: Any, horizons: Any, quantiles: Any) -> Any:
            return answer

    with pytest.raises(gl.ForecastError, match=message) as caught:
        gl.forecast.evaluate(load(), [Wrong()], horizons=HORIZONS)
    assert caught.value.problems[0].code == "GLN-168"
    with pytest.raises(gl.ForecastError, match="neither `forecast` nor `forecast_all`"):
        gl.forecast.evaluate(load(), [object()])  # type: ignore[list-item]


def test_what_a_forecaster_raises_comes_out_unchanged_with_a_note() -> None:
    mine = KeyError("mine")

    class Failing:
        def forecast(self, history: Any, horizons: Any, quantiles: Any) -> Any:
            raise mine

    with pytest.raises(KeyError) as caught:
        gl.forecast.evaluate(load(), [Failing()])
    assert caught.value is mine
    assert mine.__notes__ == ["asked by galerna: Failing, series 0, sample 375"]

    class Unfit(Last):
        def fit(self, train: Any, calibrate: Any) -> None:
            raise mine

    with pytest.raises(KeyError) as caught:
        gl.forecast.evaluate(load(), [Unfit()])
    assert caught.value is mine
    assert mine.__notes__[-1] == "asked by galerna: Unfit, fit"


def test_a_fitted_forecaster_is_kept_and_says_the_same(tmp_path: Path) -> None:
    series = load()
    for name in ["lqr", "random-forest-5", "median-12"]:
        fitted = gl.forecast.fit(series, name, horizons=HORIZONS)
        fitted.save(tmp_path / "f.json")
        same = gl.forecast.load(tmp_path / "f.json")
        assert same.name == name
        assert same.horizons == HORIZONS
        assert same.quantiles == (0.5, 0.9, 0.95)
        np.testing.assert_allclose(same.predict_array(series), fitted.predict_array(series))
    frame = fitted.predict(pl.DataFrame(series.T))
    assert frame.columns == ["series", "horizon", "point", "q0.5", "q0.9", "q0.95"]
    assert frame.height == 60
    assert frame["series"][2] == "column_1"
    rows = gl.forecast.evaluate(
        series, [str(tmp_path / "f.json"), same], horizons=HORIZONS
    ).rows.filter(model="median-12")
    assert rows.height == 4
    with pytest.raises(gl.ForecastError, match="GLN-167 median-12: it forecasts"):
        gl.forecast.evaluate(series, [same], horizons=[2])


def test_a_bank_takes_samples_as_they_come() -> None:
    bank = gl.forecast.Forecaster("mean-6", horizons=[1], quantiles=[], cap=1.0).bank(2)
    for value in [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]:
        bank.update(np.array([value, np.nan], dtype=np.float32))
    assert bank.predict().ravel() == pytest.approx([0.35, 0.0])
    assert 0 < bank.state_bytes < 1024
    with pytest.raises(gl.ForecastError, match="found 3 values, expected 2"):
        bank.update(np.zeros(3, dtype=np.float32))


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"horizons": [6, 1]}, "GLN-160"),
        ({"quantiles": [1.0]}, "GLN-161"),
        ({"models": ["knn-0"]}, "GLN-162"),
        ({"models": ["medain-12"]}, "GLN-163"),
        ({"horizons": [400]}, "GLN-164"),
        ({"train": "vms:0..20", "calibrate": "vms:10..20", "test": "vms:20..30"}, "GLN-165"),
        ({"models": ["no/such.json"]}, "GLN-167"),
        ({"source": np.zeros(5)}, "GLN-168"),
        ({"source": [["x"]]}, "GLN-168"),
    ],
)
def test_bad_questions_are_refused(options: dict[str, Any], code: str) -> None:
    given: dict[str, Any] = {"source": load(), **options}
    with pytest.raises(gl.ForecastError) as caught:
        gl.forecast.evaluate(given.pop("source"), given.pop("models", ["last"]), **given)
    assert caught.value.problems[0].code == code


def test_odd_series_have_defined_forecasts() -> None:
    series = np.array([[0.4] * 50, [np.nan] * 50, [np.nan] * 48 + [0.3] * 2, [1.8] * 50])
    for name in gl.forecast.names():
        found = gl.forecast.Forecaster(name).predict_array(series)
        expected = np.repeat([[0.4], [0], [0.3], [1]], 3, 1)
        # A Markov chain leaves something to states that it has not seen.
        assert found[:, :, 0] == pytest.approx(expected, abs=0.12 if name == "markov" else 0.06)


def test_any_forecaster_decides_about_overload_in_a_run() -> None:
    limit = gl.run("mad-mmt", overload=gl.Thr(threshold=0.8))
    last = gl.run("mad-mmt", overload=gl.forecast.Detector(LastOfAll(), limit=0.8, min_history=0))
    # The last value above a limit is a threshold.
    assert last.summary["migrations"] == limit.summary["migrations"]
    full = gl.run("mad-mmt", overload=gl.Thr(threshold=1.1))
    last = gl.run("mad-mmt", overload=gl.forecast.Detector(LastOfAll(), limit=1.1, min_history=0))
    assert last.summary["migrations"] == full.summary["migrations"]
    level = gl.forecast.Detector("selector-plain", quantile=0.9)
    assert gl.run("mad-mmt", overload=level).summary["migrations"] > 0

    class Failing:
        def forecast(self, history: Any, horizons: Any, quantiles: Any) -> Any:
            raise ValueError("not today")

    with pytest.raises(ValueError, match="not today") as caught:
        gl.run("mad-mmt", overload=gl.forecast.Detector(Failing()))
    assert len(caught.value.__notes__) == 2
    fitted = gl.forecast.Forecaster("median-12", horizons=[1])
    with pytest.raises(gl.ForecastError, match="it forecasts"):
        gl.forecast.Detector(fitted, horizon=6)
