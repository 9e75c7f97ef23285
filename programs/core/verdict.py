"""What a judge says of a row."""

from pydantic import BaseModel, ConfigDict


class Verdict(BaseModel):
    """A decision with its reason. `score` is in [0, 1]; None if the reply could not be read (unscored)."""

    model_config = ConfigDict(frozen=True)
    score: float | None
    reason: str
