"""`seedbed teachers`: the models of a project."""

from seedbed.cli.options import CONFIG, ConfigOption, JsonOption, print_json


def teachers(config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """List the project's models: their roles, what each can do, whether its key is set. No call is made."""
    from seedbed.config import load_config
    from seedbed.diagnosis import describe_models

    found = describe_models(load_config(config))
    if json:
        print_json(found)
        return
    for one in found:
        print(f"{one['alias']:<12}{one['model']:<32}{', '.join(one['roles']) or '-':<28}{'; '.join(one['can'])}")
