"""The page of a report in Chromium: nothing is loaded, hostile rows stay text, everyone can read and reach it."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.reported import DOCUMENT, HOSTILE, reported

from seedbed.cli.main import main

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here"),
]
WIDE, PHONE = (1100, 900), (390, 844)
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages by name: of a run over the shipped documents, the same without rows, and of one over a hostile document."""
    base = tmp_path_factory.mktemp("pages")
    run = reported(base / "project") / "ds"
    assert main(["report", str(run), "--no-rows", "--out", str(base / "figures.html")]) == 0
    hostile = reported(base / "hostile", compiled=False, documents={"locks.txt": DOCUMENT}) / "ds"
    return {"run": run / "report.html", "no rows": base / "figures.html", "hostile": hostile / "report.html"}


@pytest.fixture(scope="module")
def page_file(pages: dict[str, Path]) -> Path:
    return pages["run"]


@pytest.fixture(scope="module")
def browser(pages: dict[str, Path]) -> Iterator[Any]:
    """Chromium. All pages are drawn before: Playwright switches stacks, on which vl-convert may abort the process."""
    with playwright.sync_playwright() as opened:
        browser = opened.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any, page_file: Path) -> Iterator[Open]:
    """Opens the page, and fails at the end if it wrote to the console, raised an error or asked for anything else."""
    faults, contexts = list[str](), list[Any]()

    def opened(file: Path = page_file, size: tuple[int, int] = WIDE, scheme: str = "light") -> Any:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: faults.append(request.url) if request.url != file.as_uri() else None)
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.goto(file.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_axe_finds_nothing_serious(open_page: Open, scheme: str, size: tuple[int, int]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(size=size, scheme=scheme)
    for summary in page.locator("summary").all():
        summary.click()
    violations = axe.run(page).response["violations"]
    assert [
        (violation["id"], violation["impact"], violation["nodes"][0]["html"][:120])
        for violation in violations
        if violation["impact"] in ("serious", "critical")
    ] == []


def test_it_is_small_enough_to_open_at_once(open_page: Open, page_file: Path) -> None:
    page = open_page()
    assert page_file.stat().st_size < 1.5e6
    assert page.evaluate("document.getElementsByTagName('*').length") < 20_000


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_the_page_never_scrolls_sideways(open_page: Open, size: tuple[int, int]) -> None:
    page = open_page(size=size)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_a_mark_shows_its_label_and_hides_it_again(open_page: Open) -> None:
    page = open_page()
    mark = page.locator("figure svg :not(g)[aria-label]").first
    tip = page.locator("#tip")
    assert tip.is_hidden()
    mark.scroll_into_view_if_needed()
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")  # scrolling hides it
    mark.hover()
    assert tip.is_visible()
    assert tip.inner_text().replace("\n", "; ") == mark.get_attribute("aria-label")
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_tables_open_by_keyboard(open_page: Open) -> None:
    page = open_page()
    details = page.locator("figure details").first
    details.locator("summary").focus()
    page.keyboard.press("Enter")
    assert details.locator("table").is_visible()
    page.keyboard.press("Space")
    assert details.locator("table").is_hidden()


def test_the_first_tab_skips_to_the_content(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_a_screen_reader_finds_landmarks_and_headings_in_order(open_page: Open) -> None:
    page = open_page()
    levels = [int(heading.evaluate("heading => heading.tagName[1]")) for heading in page.locator("h1, h2, h3").all()]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert [page.locator(landmark).count() for landmark in ("nav", "main")] == [1, 1]
    assert page.locator("figure svg[role='graphics-document']:not([aria-label])").count() == 0


def test_print_has_neither_navigation_nor_dark_paper(open_page: Open) -> None:
    page = open_page(scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("nav").is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_hostile_rows_do_nothing(open_page: Open, pages: dict[str, Path]) -> None:
    page = open_page(pages["hostile"])
    assert HOSTILE in page.locator("main").inner_text()
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 1


def test_the_policy_stops_what_escaping_would_miss(browser: Any, page_file: Path, tmp_path: Path) -> None:
    """Planted unescaped, a script and an image with a handler stay dead, and nothing is asked of the network."""
    planted = tmp_path / "planted.html"
    attack = "<script>window.hit = 1</script><img src='https://example.invalid/x' onerror='window.hit = 2'>"
    planted.write_text(page_file.read_text(encoding="utf-8").replace("<main", f"{attack}<main"), encoding="utf-8")
    page, asked = browser.new_page(), list[str]()
    page.on("requestfinished", lambda request: asked.append(request.url))
    page.goto(planted.as_uri())
    assert page.evaluate("window.hit") is None
    assert asked == [planted.as_uri()]
    page.close()


def test_a_report_without_rows_opens_too(open_page: Open, pages: dict[str, Path]) -> None:
    assert open_page(pages["no rows"]).locator("article").count() == 0
