"""What to do about a request that a server refuses and will refuse again."""

_MENDS = (
    ("response_format", "schema_enforced: false"),
    ("json_schema", "schema_enforced: false"),
    ("logprobs", "logprobs: 0"),
    ("temperature", "temperature to a value it takes"),
    ("max_tokens", "max_tokens to what it takes"),
)


def mend(said: str, alias: str = "ALIAS") -> str:
    """The one thing to do, by the server's words. To ask again is none."""
    named = next((key for word, key in _MENDS if word in said.lower()), None)
    what = f"Set models.{alias}.{named}" if named else f"Mend models.{alias} in seedbed.yaml by what the server says"
    return f"{what}: it refuses the request itself, and will again."
