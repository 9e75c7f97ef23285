"""Python's garbage collector, kept from looking at a million objects that stay while thousands of rows come and go."""

import contextlib
import gc
from collections.abc import Iterator

THRESHOLD = (50_000, 20, 100)  # a call makes some hundred objects, and hundreds of calls are in flight


@contextlib.contextmanager
def calm() -> Iterator[None]:
    """What is there already is left out of all collections inside, and these are rarer: a quarter of a run's CPU."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
