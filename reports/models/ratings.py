"""Whether predicted ratings can be trusted, and which features the cross layers cross."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reports.charts import grids, palette, plots
from reports.models.calibration import Calibration, calibrate
from reports.reading.evaluated_model import MOST_ROWS, EvaluatedRatings
from reports.reading.trained_models import TrainedModel
from reports.section import Chart, Column, Part, Table

_REFERENCE: Final = "damped biases"
_PAIRS: Final = 15


def calibration_part(model: str, ratings: EvaluatedRatings, rows: int) -> tuple[Part, dict[str, Any]]:
    """Predicted versus actual ratings of the eval split, and the same for programs.

    Args:
      model: its name.
      ratings: of the eval split, or of some of its rows.
      rows: of the whole split.
    """
    found, beside = calibrate(ratings.model, ratings.actual), calibrate(ratings.reference, ratings.actual)
    measured_on = f"{len(ratings.actual):,} ratings of the eval split"
    if len(ratings.actual) < rows:
        measured_on += f", one in {-(-rows // MOST_ROWS)} of {rows:,}"
    answer = (
        f"In tenths of the predictions the model is off by {found.error:.3f} stars on average, "
        f"{_REFERENCE} by {beside.error:.3f}."
    )
    part = Part(
        f"{model}-calibration",
        f"{model.capitalize()}: calibration",
        answer=answer,
        charts=(
            _reliability(model, found, beside, measured_on, answer),
            _by_stars(model, ratings, measured_on),
        ),
        tables=(_table(model, found, measured_on),),
    )
    metrics = {
        "rows": len(ratings.actual),
        "error": found.error,
        "reference_error": beside.error,
        "predicted": found.predicted.tolist(),
        "actual": found.actual.tolist(),
    }
    return part, metrics


def _reliability(model: str, found: Calibration, beside: Calibration, measured_on: str, answer: str) -> Chart:
    chart_id = f"{model}-reliability"
    drawing, axes = plots.new_figure(height=280)
    for calibration, label, role, marker, style in (
        (beside, _REFERENCE, palette.REFERENCE, "s", "--"),
        (found, model, palette.MODEL, "o", "-"),
    ):
        axes.errorbar(
            calibration.predicted,
            calibration.actual,
            yerr=np.nan_to_num(calibration.margin),
            fmt=marker,
            ls=style,
            ms=5,
            lw=1.5,
            color=role.light,
            label=label,
        )
    ends = [
        min(found.predicted.min(), found.actual.min(), beside.predicted.min()),
        max(found.predicted.max(), found.actual.max(), beside.predicted.max()),
    ]
    axes.plot(ends, ends, color=palette.MUTED.light, lw=1, ls=":", label="as predicted")
    axes.set_xlabel("predicted rating, mean of the bin")
    axes.set_ylabel("rating given, mean of the bin")
    plots.legend_above(axes)
    return Chart(
        chart_id,
        "Are predicted ratings calibrated?",
        answer,
        plots.render(drawing, chart_id),
        f"Mean rating given against mean predicted rating in bins of equal size. {answer}",
        note=f"{measured_on}; bars are 95 % intervals of the mean rating given. Above the dotted line, "
        "ratings are higher than predicted, below it lower.",
    )


def _by_stars(model: str, ratings: EvaluatedRatings, measured_on: str) -> Chart:
    """Quartiles of the predictions by rating given."""
    chart_id = f"{model}-by-stars"
    given = np.unique(ratings.actual)
    quartiles = np.array(
        [np.percentile(ratings.model[ratings.actual == stars], (25, 50, 75)) for stars in given]
    )
    drawing, axes = plots.new_figure(height=280)
    axes.vlines(given, quartiles[:, 0], quartiles[:, 2], color=palette.MODEL.light, lw=7, alpha=0.35)
    axes.plot(given, quartiles[:, 1], "o", color=palette.MODEL.light, ms=6, label="median prediction")
    axes.plot(given, given, color=palette.MUTED.light, lw=1, ls=":", label="as given")
    axes.set_xlabel("rating given, stars")
    axes.set_ylabel("predicted rating, stars")
    plots.legend_above(axes)
    summary = ", ".join(
        f"{stars:g}: {middle:.2f}" for stars, middle in zip(given, quartiles[:, 1], strict=True)
    )
    return Chart(
        chart_id,
        "What is predicted for movies that got so many stars?",
        f"Median prediction by stars given: {summary}.",
        plots.render(drawing, chart_id),
        f"Median and middle half of the predicted ratings by rating given. {summary}.",
        note=f"{measured_on}; thick lines hold the middle half of the predictions.",
    )


def _table(model: str, found: Calibration, measured_on: str) -> Table:
    return Table(
        f"{model}-calibration-table",
        f"Predicted and actual ratings of the {model} model in bins of about equal size; {measured_on}.",
        (
            Column("bin"),
            Column("ratings"),
            Column("mean prediction", ".3f"),
            Column("mean rating given", ".3f"),
            Column("off by", "+.3f", note="Mean prediction minus mean rating given, stars"),
        ),
        tuple(
            (number + 1, int(rows), float(predicted), float(actual), float(predicted - actual))
            for number, (rows, predicted, actual) in enumerate(
                zip(found.rows, found.predicted, found.actual, strict=True)
            )
        ),
        folded=True,
    )


def cross_part(model: TrainedModel) -> tuple[Part, dict[str, Any]] | None:
    """The cross weights by pair of features, as a heat map for each layer, and the same for programs.

    None where the model crosses nothing.
    """
    weights = model.cross_weights
    if not weights.get("layers"):
        return None
    names = [str(name).removesuffix("_index").replace("_", " ") for name in weights["features"]]
    layers = [np.asarray(layer, dtype=np.float64) for layer in weights["layers"]]
    pairs = _strongest(names, layers[0])
    answer = f"The first cross layer weighs {pairs[0][0]} x {pairs[0][1]} most (norm {pairs[0][2]:.2f})."
    part = Part(
        f"{model.name}-cross",
        f"{model.name.capitalize()}: crossed features",
        answer=answer,
        text=(
            "Each square is the Frobenius norm of the weights through which the feature of the column acts "
            "on that of the row (Wang et al. 2021, figure 6). Numbers have one weight where categories have "
            "a block, so theirs are small by nature.",
        ),
        charts=tuple(_heat_map(model.name, names, layer, number) for number, layer in enumerate(layers, 1)),
        tables=(
            Table(
                f"{model.name}-cross-pairs",
                f"The {_PAIRS} pairs that the first cross layer of the {model.name} model weighs most, both "
                "directions together.",
                (Column("feature"), Column("crossed with"), Column("norm", ".3f")),
                tuple(pairs[:_PAIRS]),
                folded=True,
            ),
        ),
    )
    strongest = {f"{first} x {second}": norm for first, second, norm in pairs[:_PAIRS]}
    return part, {"strongest_pairs": strongest}


def _strongest(names: list[str], norms: npt.NDArray[np.float64]) -> list[tuple[str, str, float]]:
    """Pairs of features by the norm of both of their blocks, the strongest first."""
    both = np.hypot(norms, norms.T)
    np.fill_diagonal(both, np.diag(norms))
    pairs = [
        (names[first], names[second], float(both[first, second]))
        for first in range(len(names))
        for second in range(first, len(names))
    ]
    return sorted(pairs, key=lambda pair: -pair[2])


def _heat_map(model: str, names: list[str], norms: npt.NDArray[np.float64], number: int) -> Chart:
    chart_id = f"{model}-cross-{number}"
    first, second, norm = _strongest(names, norms)[0]
    answer = f"Strongest: {first} x {second}, {norm:.2f}."
    return Chart(
        chart_id,
        f"Which features does cross layer {number} cross?",
        answer,
        grids.heat_map(
            chart_id,
            names,
            names,
            norms.tolist(),
            unit="norm",
            axis="the feature that acts on that of the row",
            texts=[[f"{value:.1f}" for value in row] for row in norms],
            slanted=True,
        ),
        f"Heat map of the weights of cross layer {number} by pair of {len(names)} features. {answer}",
        wide=True,
    )
