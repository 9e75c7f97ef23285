"""The options of a recipe: the numbers of its paper that a user may change, and switches between its variants."""

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """The options of a recipe, under `options:` in seedbed.yaml. Each recipe subclasses it.

    The defaults are the paper's numbers. The docstring of each option names its source: the paper and the section, or
    "ours" where the paper gives no number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    @property
    def needs_sources(self) -> bool:
        """Whether the rows start from the sources of the config; false where the teacher invents them."""
        return True


class PassageOptions(Options):
    """The options of every recipe whose sources are the passages of documents."""

    draws: int = Field(4, ge=1)
    """How often one passage is used at most (ours)."""
