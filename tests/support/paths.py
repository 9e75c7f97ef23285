"""Where things lie that tests read or copy."""

from pathlib import Path

SUPPORT = Path(__file__).parent
TESTS = SUPPORT.parent
ROOT = TESTS.parent
DATA, BENCHMARKS = ROOT / "data", ROOT / "benchmarks"
TEACHER = SUPPORT / "teacher.py"
