"""The sections of the report, in the order of the page."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from reports.card.section import card_section
from reports.data.section import data_section
from reports.eda.section import eda_section
from reports.models.section import models_section
from reports.overview.section import overview_section
from reports.reading.run_data import Run
from reports.run.section import run_section
from reports.section import Section

# By the id of the section.
SECTIONS: Final[Mapping[str, Callable[[Run], Section]]] = {
    "overview": overview_section,
    "run": run_section,
    "data": data_section,
    "eda": eda_section,
    "models": models_section,
    "card": card_section,
}


def build_sections(run: Run) -> list[Section]:
    """All sections of a run. One without its artifacts shows that and does not fail.

    A run that failed may have left artifacts half-written. A section that cannot read one shows that too,
    because the report has to show the failure all the same; in a run that went well it is an error.
    """
    sections = []
    for section_id, build in SECTIONS.items():
        try:
            sections.append(build(run))
        except Exception as error:
            if not run.failure:
                raise
            logging.exception("the section %s could not be built", section_id)
            answer = f"This section could not be built: {type(error).__name__}: {error}"
            sections.append(Section(section_id, section_id.capitalize(), answer, ()))
    return sections
