"""The options of a recipe: the numbers of its paper that a user may change, and switches between its variants."""

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo


class Options(BaseModel):
    """The options of a recipe, under `options:` in seedbed.yaml. Each recipe subclasses it.

    The defaults are the paper's numbers. The docstring of each option names its source: the paper and the section, or
    "ours" where the paper gives no number.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True, validate_default=True
    )

    @property
    def needs_sources(self) -> bool:
        """Whether the rows start from the sources of the config; false where the teacher invents them."""
        return True


class PassageOptions(Options):
    """The options of every recipe whose sources are the passages of documents."""

    draws: int = Field(4, ge=1)
    """How often one passage is used at most (ours)."""


def at_least(name: str) -> AfterValidator:
    """For an option that is no less than an earlier one of that name: a most beside its fewest."""

    def check(value: int, info: ValidationInfo) -> int:
        if value < info.data.get(name, value):
            raise ValueError(f"it is less than {name}, which is {info.data[name]}")
        return value

    return AfterValidator(check)
