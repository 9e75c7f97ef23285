"""`seedbed recipes`: lists the kinds of rows, or shows one with its options."""

import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from seedbed.cli.shared.options import JsonOption, print_json
from seedbed.errors import UserError

if TYPE_CHECKING:
    from programs.core.recipe import Recipe

_NAME = typer.Argument(help="The recipe to show with its options; without it, all are listed.", show_default=False)


def recipes(name: Annotated[str | None, _NAME] = None, json: JsonOption = False) -> None:
    """List the recipes with their paper, what they start from and what a row is; or show one with its options."""
    from programs.core import recipe
    from seedbed.config.load import unknown

    kinds = recipe.recipes()
    if name is None:
        _list(list(kinds.values()), json=json)
    elif name not in kinds:
        raise UserError(f"{unknown('recipe', name, list(kinds))}", hint="seedbed recipes lists them.")
    elif json:
        print_json({**_summary(kinds[name]), "options": _options(kinds[name])})
    else:
        print(_text(kinds[name]))


def _list(kinds: "list[Recipe]", *, json: bool) -> None:
    if json:
        print_json([_summary(kind) for kind in kinds])
        return
    for kind in kinds:
        print(f"{kind.name:<16}{_reads(kind):<24}{kind.gives}\n{'':<40}{kind.paper}")


def _summary(recipe: "Recipe") -> dict[str, Any]:
    return {field: getattr(recipe, field) for field in ("name", "paper", "reads", "gives")}


def _reads(recipe: "Recipe") -> str:
    """What a recipe starts from, in words."""
    from seedbed.sources.kinds import KINDS

    return KINDS[recipe.reads].words


def _options(recipe: "Recipe") -> dict[str, dict[str, Any]]:
    """For each option, its default and what it means."""
    return {
        name: {
            "default": field.get_default(call_default_factory=True),
            "meaning": " ".join((field.description or "").split()),
        }
        for name, field in recipe.options.model_fields.items()
    }


def _text(recipe: "Recipe") -> str:
    lines = [recipe.name, f"  from   {_reads(recipe)}", f"  makes  {recipe.gives}", f"  paper  {recipe.paper}", ""]
    if not (options := _options(recipe)):
        return "\n".join([*lines, "It has no options."])
    lines.append("Its options, under options: in seedbed.yaml or by --set options.NAME=VALUE:")
    for name, option in options.items():
        value = yaml.safe_dump({name: option["default"]}).strip()
        lines += ["", f"  {value}", textwrap.indent(textwrap.fill(option["meaning"], 100), "    ")]
    return "\n".join(lines)
