"""What people said of the rows of a run: the verdicts that `seedbed label` wrote."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metrics.calibration.verdicts import LabelledCase, verdict_id, verdict_line
from programs.core.row import Candidate
from seedbed.sources.lines import labelled_files, labelled_lines

VERDICTS = "verdicts.jsonl"  # where `seedbed label` writes if the config names no file


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
        self._verdicts = {case.id: case for file in sorted(files) if file.is_file() for case in _cases(file)}

    def __len__(self) -> int:
        return len(self._verdicts)

    def of(self, row: Candidate) -> bool | None:
        """Whether people called the row good; None if nobody was asked."""
        case = self._verdicts.get(verdict_id(row)) if self._verdicts else None
        return None if case is None else case.label > 0


def _cases(file: Path) -> list[LabelledCase]:
    """The verdicts on rows of runs; those on other cases have other ids."""
    lines = labelled_lines(file, verdict_line, missing="Mend its permissions.")
    return [line for line in lines if isinstance(line, LabelledCase) and line.id.startswith("row-")]
