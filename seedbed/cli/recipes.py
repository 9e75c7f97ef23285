"""`seedbed recipes`: lists the kinds of rows."""

from seedbed.cli.shared.options import JsonOption, print_json


def recipes(json: JsonOption = False) -> None:
    """List the recipes with their paper, what they start from and what a row is."""
    from programs.core import recipe

    kinds = recipe.recipes().values()
    if json:
        fields = ("name", "paper", "takes", "gives")
        print_json([{field: getattr(kind, field) for field in fields} for kind in kinds])
        return
    for kind in kinds:
        print(f"{kind.name:<16}{kind.takes:<12}{kind.gives}\n{'':<28}{kind.paper}")
