"""What people said of the rows of a run: the verdicts that `seedbed label` wrote."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metrics.calibration.verdicts import WHOLE_ROW, LabelledCase, middle, verdict_id, verdict_line
from programs.core.row import Candidate
from seedbed.sources.lines import labelled_files, labelled_lines

VERDICTS = "verdicts.jsonl"  # where `seedbed label` writes if the config names no file
NO = 0.0  # the label of a no


class RunVerdicts:
    """People's verdicts on the rows of the run in a folder, whose run.json is `report`.

    They are looked for by the names that its config had: in the run's folder, in the folder around it, and in `base`,
    the project's. Raises UserError if a file of them is broken.
    """

    def __init__(self, folder: Path, report: Mapping[str, Any], base: Path | None = None) -> None:
        names = report.get("config", {}).get("verdicts") or [VERDICTS]
        names = [names] if isinstance(names, str) else names  # an older version wrote one name
        places = filter(None, (folder, folder.resolve().parent, base))
        files = {path.resolve() for place in places for path in labelled_files(place, names)}
        cases = {case.id: case for file in sorted(files) if file.is_file() for case in _cases(file)}
        labels = {case.label for case in cases.values()}
        bar = middle([*labels]) if max(labels, default=0) > 1 and len(labels) > 1 else NO  # grades, or yes and no
        self._good = {id: case.label > bar for id, case in cases.items()}

    def __len__(self) -> int:
        return len(self._good)

    def of(self, row: Candidate) -> bool | None:
        """Whether people called the row good; None if nobody was asked."""
        return self._good.get(verdict_id(row)) if self._good else None


def _cases(file: Path) -> list[LabelledCase]:
    """People's verdicts on whole rows of runs; those on other cases have other ids."""
    lines = labelled_lines(file, verdict_line, missing="Mend its permissions.")
    cases = (line for line in lines if isinstance(line, LabelledCase) and line.id.startswith("row-"))
    return [case for case in cases if case.made == "person" and case.aspect == WHOLE_ROW]
