"""Scores that a run keeps in a folder, one file for each method on each clip, so that an interrupted run can go on."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path

from core.contract.errors import UserError
from core.contract.files import explain_write_errors, read_json, write_json

from .results import ClipResult

_RUN = "run.json"


@dataclass(frozen=True)
class KeptScores:
    """The scores in `folder`, of one benchmark, its data, split, seed, and version of the code; the last is not checked."""

    folder: Path

    @classmethod
    def of_run(cls, folder: Path, benchmark: str, split: str, seed: int, data: str = "") -> KeptScores:
        """Those of an earlier run, or none yet; `data` is a key of the benchmark's data, where they are not always the same.

        UserError `other-run` where the folder holds scores of something else.
        """
        run = {"benchmark": benchmark, "split": split, "seed": seed, "data": data}
        with explain_write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / _RUN).is_file():
                found = read_json(folder / _RUN)
                if found != run:
                    said = ", ".join(f"{name} {value}" for name, value in found.items())
                    raise UserError(
                        "other-run", f"{folder} holds scores of another run: {said}.", "Name another folder."
                    )
            else:
                write_json(folder / _RUN, run)
        return cls(folder)

    def load(self, clip: str, method: str) -> ClipResult | None:
        """None if the method has not been scored on the clip. UserError `file-unreadable` for a damaged file."""
        path = self._file(clip, method)
        if not path.is_file():
            return None
        record = read_json(path)
        try:
            result = ClipResult(**record)
        except TypeError as error:
            raise UserError("file-unreadable", f"{path} does not hold scores: {error}.", "Delete it.") from error
        return result if (result.clip, result.method) == (clip, method) else None

    def save(self, result: ClipResult) -> None:
        write_json(self._file(result.clip, result.method), asdict(result))

    def _file(self, clip: str, method: str) -> Path:
        return self.folder / (re.sub(r"[^\w.-]+", "-", f"{clip} {method}") + ".json")
