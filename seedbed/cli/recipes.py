"""`seedbed recipes`: what kinds of rows there are."""

from seedbed.cli.options import JsonOption, print_json


def recipes(json: JsonOption = False) -> None:
    """List the recipes with their paper, what they start from and what a row is."""
    from programs.core.recipe import recipes as known

    if json:
        print_json([{"name": r.name, "paper": r.paper, "takes": r.takes, "gives": r.gives} for r in known().values()])
        return
    for recipe in known().values():
        print(f"{recipe.name:<16}{recipe.takes:<12}{recipe.gives}\n{'':<28}{recipe.paper}")
