"""The report in Chromium: nothing runs, nothing is loaded, and everybody can read it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.run_folders import write_run

from programs.qa.grounded_qa import QA
from seedbed.cli.main import main

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="there is no chromium here"),
]

HOSTILE = "</script><img src=x onerror=\"document.title='owned'\">\u202eabc\x07"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run whose texts are hostile."""
    base = tmp_path_factory.mktemp("page")
    rows = [QA(passage=f"{HOSTILE} {n}", question=f"{HOSTILE} {n}?", answer=f"{HOSTILE} {n}.") for n in range(30)]
    fallen = [(rows[0], HOSTILE), *[(row, "low score") for row in rows[:12]]]
    folder = write_run(base / "run", "grounded-qa", rows, fallen=fallen, groups=[HOSTILE, "b.md"])
    assert main(["report", str(folder)]) == 0
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser(page_file: Path) -> Iterator[Any]:
    """Chromium. The page is drawn first: vl-convert's V8 aborts on the stacks that Playwright switches between."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A page that was opened, with what it asked for and complained about."""

    def __init__(self, browser: Any, file: Path, *, width: int = 1100, scheme: str = "light") -> None:
        self.asked, self.said = list[str](), list[str]()
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(file.as_uri())


def test_hostile_rows_stay_text_and_nothing_is_asked_of_the_network(browser: Any, page_file: Path) -> None:
    visit = Visit(browser, page_file)
    assert visit.asked == [page_file.as_uri()]
    assert visit.said == []
    assert visit.page.title() == "run: grounded-qa"
    assert visit.page.locator("img").count() == 0
    assert "\u202e" not in visit.page.inner_text("body")
    assert "⟨202E⟩" in visit.page.inner_text("body")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 390])
def test_a_screen_reader_meets_nothing_serious(browser: Any, page_file: Path, width: int, scheme: str) -> None:
    from axe_core_python.sync_playwright import Axe

    visit = Visit(browser, page_file, width=width, scheme=scheme)
    found = Axe().run(visit.page, options=RULES)
    serious = [fault for fault in found["violations"] if fault["impact"] in ("serious", "critical")]
    assert [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in serious] == []
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_mark_tells_its_numbers_and_a_table_opens_by_keyboard(browser: Any, page_file: Path) -> None:
    page = Visit(browser, page_file).page
    page.locator("#funnel svg path[role='graphics-symbol'][aria-label]").first.hover()
    assert page.locator("#tip").is_visible()
    assert "candidates" in page.locator("#tip").inner_text()
    summary = page.locator("#funnel summary")
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("#funnel table").is_visible()
    assert page.locator("#funnel th[scope=col]").count() == 4
