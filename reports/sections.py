"""The sections of the report, in the order of the page."""

from collections.abc import Callable
from typing import Final

from reports.card_section import card_section
from reports.data_section import data_section
from reports.eda_section import eda_section
from reports.models_section import models_section
from reports.run_data import Run
from reports.run_section import run_section
from reports.section import Section

SECTIONS: Final[tuple[Callable[[Run], Section], ...]] = (
    run_section,
    data_section,
    eda_section,
    models_section,
    card_section,
)


def build_sections(run: Run) -> list[Section]:
    """All sections of a run. One whose artifacts are not there says so and does not fail."""
    return [section(run) for section in SECTIONS]
