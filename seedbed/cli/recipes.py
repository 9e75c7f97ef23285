"""`seedbed recipes`: lists the kinds of rows."""

from seedbed.cli.shared.options import JsonOption, print_json


def recipes(json: JsonOption = False) -> None:
    """List the recipes with their paper, what they start from and what a row is."""
    from programs.core import recipe
    from seedbed.sources.kinds import KINDS

    kinds = recipe.recipes().values()
    if json:
        fields = ("name", "paper", "reads", "gives")
        print_json([{field: getattr(kind, field) for field in fields} for kind in kinds])
        return
    for kind in kinds:
        print(f"{kind.name:<16}{KINDS[kind.reads].words:<24}{kind.gives}\n{'':<40}{kind.paper}")
