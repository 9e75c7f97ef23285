"""Advice for a request that a server refuses and will refuse again."""

_MENDS = (
    ("response_format", "schema_enforced: false"),
    ("json_schema", "schema_enforced: false"),
    ("logprobs", "logprobs: 0"),
    ("temperature", "temperature to a value it takes, or sampling: false"),
    ("top_p", "sampling: false"),
    ("max_tokens", "max_tokens to what it takes"),
)


def mend(message: str, alias: str = "ALIAS") -> str:
    """What the user should do, by the server's message. Asking again does not help."""
    fix = next((fix for word, fix in _MENDS if word in message.lower()), None)
    advice = f"Set models.{alias}.{fix}" if fix else f"Mend models.{alias} in seedbed.yaml by what the server says"
    return f"{advice}: it refuses the request itself, and will again."
