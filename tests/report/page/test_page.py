"""The report page in a real browser: what a reader sees, points at, clicks and types."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from nas.report import render_page, write_page
from tests.report.documents import document
from tests.report.page.webdriver import CHROMEDRIVER, CHROMIUM, browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.report.page.webdriver import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None or CHROMEDRIVER is None, reason="needs chromium and chromedriver"
    ),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run, two runs, a large run, one without final trainings, and an empty one."""
    folder = tmp_path_factory.mktemp("pages")
    one = document(88)
    write_page(folder / "one.html", [one])
    write_page(folder / "two.html", [one, document(55, seed=1, name="runs/other")])
    write_page(folder / "proxy.html", [document(88, finals=False)])
    return folder


@pytest.fixture
def page(window: Browser, pages: Path) -> Iterator[Browser]:
    """One run, freshly loaded; whatever the test does must leave the console silent."""
    window.open(pages / "one.html")
    window.run("sessionStorage.clear(); localStorage.clear()")
    window.open(pages / "one.html")
    window.console()
    yield window
    assert window.console() == []


def spot(window: Browser, badge: str) -> tuple[float, float]:
    """Where on the window a network of the proxy chart is, by its badge."""
    box: list[float] = window.run(
        "const svg = document.querySelector('#proxy-chart svg');"
        "svg.scrollIntoView({block: 'center'});"
        "const near = svg.spots.find((one) => one.point.row.badge === arguments[0]);"
        "const box = svg.getBoundingClientRect(), zoom = box.width / svg.viewBox.baseVal.width;"
        "return [box.left + near.x * zoom, box.top + near.y * zoom];",
        badge,
    )
    return box[0], box[1]


def test_hovering_shows_a_network_and_clicking_opens_it(page: Browser) -> None:
    x, y = spot(page, "knee")
    page.point_at(x, y)
    page.wait("return !document.getElementById('tip').hidden")
    assert "knee" in page.text("#tip")
    assert "parameters" in page.text("#tip")

    page.point_at(x, y, press=True)
    page.wait("return document.getElementById('detail').open")
    assert page.text("#detail-title").endswith("knee")
    shown = page.text("#detail")
    for part in ("Costs by stage", "nas export runs/made_up --pick", "nas train runs/made_up:"):
        assert part in shown
    assert page.run("return document.querySelectorAll('#detail .drawing svg rect').length") > 5

    page.press("Escape")
    page.wait("return !document.getElementById('detail').open")


def test_a_fully_trained_network_shows_its_curves(page: Browser) -> None:
    page.run("openDetail(page.find(0, page.finals[0].id))")
    page.wait("return document.querySelector('#curve-chart svg') !== null")
    shown = page.text("#detail")
    assert "fully trained" in shown
    assert "3 seeds" in shown
    page.run("document.getElementById('detail').close()")


def test_proxy_and_published_accuracy_never_share_a_chart(page: Browser) -> None:
    proxy, final = page.text("#proxy-figure"), page.text("#final-figure")
    assert "Proxy: validation accuracy" in proxy
    assert "published" not in proxy
    assert "LruNet" not in page.run("return document.querySelector('#proxy-chart').textContent")
    assert "Fully trained: test accuracy" in final
    assert "published" in final
    drawn = page.run("return document.querySelector('#final-chart').textContent")
    assert "LruNet" in drawn
    assert "best" in drawn, "the final front's own"
    proxies = page.run("return document.querySelector('#proxy-chart').textContent")
    assert "proxy best" in proxies, "an export takes the final front's"


def test_the_headline_gives_test_accuracy_first_and_calls_the_proxy_one(page: Browser) -> None:
    said = page.text("#summary")
    best = page.run(
        "const one = page.finals.find((final) => final.id === "
        "page.runs[0].final_picks.best); return 100 * one.test.mean"
    )
    assert said.startswith(f"Fully trained: {best:.2f} ± 0.20 % test accuracy (mean of 3 seeds)")
    assert "Best proxy: " in said
    assert "trained for 2 epochs over 6,000 images" in said


def test_fully_trained_networks_are_listed_first_with_both_figures(page: Browser) -> None:
    heads = page.text("#table thead")
    assert "final test" in heads
    assert "final validation" in heads
    assert page.run("return document.querySelectorAll('#table tbody tr').length") == 3
    figures: list[float] = page.run(
        "return [...document.querySelectorAll('#table tbody tr')].map((row) => "
        "parseFloat(row.children[3].textContent))"
    )
    assert figures == sorted(figures, reverse=True)
    unknown_last: list[bool] = page.run(
        "state.list = 'complete'; drawTable(); return [...document.querySelectorAll("
        "'#table tbody tr')].map((row) => row.children[3].textContent === '\\u2013')"
    )
    assert unknown_last == sorted(unknown_last)
    assert len(unknown_last) > 3


def test_without_final_trainings_the_page_says_how_to_get_them(
    window: Browser, pages: Path
) -> None:
    window.open(pages / "proxy.html")
    assert "nas train runs/made_up" in window.text("#final-note")
    assert window.text("#summary").startswith("48 networks trained as proxies, ")
    assert "final test" not in window.text("#table thead")


def test_sliders_and_kinds_filter_charts_and_tables(page: Browser) -> None:
    before = shown_networks(page)
    page.run(
        "const one = document.querySelector('[data-metric=params]'); one.value = 150;"
        "one.dispatchEvent(new Event('input'))"
    )
    page.wait("return Object.keys(state.bounds).length === 1 && !waiting")
    fewer = shown_networks(page)
    assert 0 < fewer < before
    limit = page.run("return state.bounds.params")
    listed: list[float] = page.run(
        "state.list = 'complete'; drawTable(); return page.rows.filter((one) => "
        "one.state === 'complete' && passes(one)).map((one) => one.values.params)"
    )
    assert max(listed) <= limit

    page.click("#kinds button:nth-of-type(1)")
    page.wait("return state.kinds.size === 1 && !waiting")
    assert shown_networks(page) < fewer
    page.click("#reset")
    page.wait("return state.kinds.size === 0 && !waiting")
    assert shown_networks(page) == before


def shown_networks(page: Browser) -> int:
    return int(page.text("#shown").split()[0].replace(",", ""))


def test_every_pair_of_metrics_has_its_front(page: Browser) -> None:
    keys: list[str] = page.run("return page.metrics.map((metric) => metric.key)")
    assert {"accuracy", "params", "macs", "peak_activation_bytes"} <= set(keys)
    for x in keys:
        for y in keys:
            page.run("state.x = arguments[0]; state.y = arguments[1]; redraw()", x, y)
            assert page.run("return document.querySelectorAll('#proxy-chart svg path').length") > 1


def test_the_front_is_walked_with_the_keyboard(page: Browser) -> None:
    page.run("document.querySelector('#proxy-chart svg').focus()")
    page.press("ArrowRight")
    first = page.run("return document.getElementById('spoken').textContent")
    page.press("ArrowRight")
    second = page.run("return document.getElementById('spoken').textContent")
    assert "trial" in first
    assert first != second
    page.press("Enter")
    page.wait("return document.getElementById('detail').open")
    page.press("Escape")
    page.wait("return !document.getElementById('detail').open")


def test_what_did_not_make_it_is_told_with_reasons(page: Browser) -> None:
    told = page.text("#fates-body")
    for part in ("pruned", "duplicate", "rejected", "failed", "exceeds the limit", "Diverged"):
        assert part in told
    # A reason is text: its markup is shown, not made.
    assert "<b>NaN</b>" in told


def test_sections_below_are_filled(page: Browser) -> None:
    assert "stages.0.block" in page.text("#effects-table")
    assert "tau" in page.text("#rungs-body")
    assert "0.0340 ms" in page.text("#latency-body")
    assert "nas search --out runs/made_up" in page.text("#environment-body")
    assert page.run("return document.querySelectorAll('#progress-chart svg path').length") > 0
    lines = page.run("return document.querySelectorAll('#parallel-chart svg line.axis').length")
    assert lines >= 3


def test_sorting_a_column(page: Browser) -> None:
    page.run("state.list = 'front'; drawTable()")
    page.click("#table th:nth-child(6) button")
    params: list[float] = page.run(
        "return [...document.querySelectorAll('#table tbody tr')].map((row) => "
        "page.rows.find((one) => one.id === row.querySelector('.id').textContent).values.params)"
    )
    assert params == sorted(params)


@pytest.mark.parametrize("width", [320, 375, 768])
def test_narrow_screens_scroll_down_only(page: Browser, pages: Path, width: int) -> None:
    page.open(pages / "one.html", width=width, height=760)
    assert page.run("return document.documentElement.scrollWidth") <= width
    page.run("openDetail(page.rows[page.runs[0].best])")
    page.wait("return document.getElementById('detail').open")
    inner = page.run("const one = document.getElementById('detail'); return one.scrollWidth")
    assert inner <= width
    page.run("document.getElementById('detail').close()")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_in_both_themes(page: Browser, theme: str) -> None:
    page.run("setTheme(arguments[0])", theme)
    assert min(contrasts(page)) >= 4.5


def contrasts(page: Browser) -> list[float]:
    """Of all text that is on the page, against the nearest background behind it (WCAG 2)."""
    found: list[float] = page.run(
        """
        const light = (rgb) => { const [r, g, b] = rgb.map((one) => { one /= 255;
          return one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4; });
          return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const parse = (text) => text.match(/[\\d.]+/g).map(Number);
        const behind = (element) => { for (let one = element; one; one = one.parentElement) {
          const rgb = parse(getComputedStyle(one).backgroundColor);
          if (rgb.length < 4 || rgb[3] > 0.5) return rgb.slice(0, 3); }
          return parse(getComputedStyle(document.documentElement).backgroundColor).slice(0, 3); };
        return [...document.querySelectorAll('main *, header *')]
          .filter((one) => one.offsetParent && [...one.childNodes].some(
            (node) => node.nodeType === 3 && node.textContent.trim()))
          .map((one) => { const [a, b] = [light(parse(getComputedStyle(one).color).slice(0, 3)),
            light(behind(one))]; return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); });
        """
    )
    assert len(found) > 50
    return found


def test_an_axis_of_counts_has_whole_numbers_only(page: Browser) -> None:
    for low, high in ((1, 2), (1, 4), (1, 10), (3, 3), (1, 200)):
        ticks: list[float] = page.run(
            "return scale(arguments[0], arguments[1], 0, 300, false, true).ticks", low, high
        )
        assert len(ticks) >= 2
        assert all(tick == int(tick) for tick in ticks)


def test_a_logarithmic_axis_has_several_ticks_however_short(page: Browser) -> None:
    for low, high in ((1900, 2600), (2000, 2000), (2041, 2060), (1900, 6000), (1, 1e6)):
        ticks: list[float] = page.run(
            "return scale(arguments[0], arguments[1], 0, 300, true).ticks", low, high
        )
        assert len(ticks) >= 3
        words: list[str] = page.run(
            "return namesOf(arguments[0], axisOf(page.metric('params')))", ticks
        )
        assert len(set(words)) == len(words)


@pytest.mark.parametrize("width", [390, 1280])
def test_titles_over_the_parallel_axes_stay_above_their_values(
    page: Browser, pages: Path, width: int
) -> None:
    page.open(pages / "one.html", width=width, height=760)
    collisions: int = page.run(
        "const boxes = [...document.querySelectorAll('#parallel-chart svg text')]"
        ".map((one) => one.getBBox()); return boxes.filter((one, place) => boxes.some((other, "
        "next) => next > place && one.x < other.x + other.width && other.x < one.x + one.width "
        "&& one.y + 2 < other.y + other.height && other.y + 2 < one.y + one.height)).length"
    )
    assert collisions == 0


def test_overlapping_shares_are_explained(page: Browser) -> None:
    assert "overlap and may add up to more than 100 %" in page.text("#effects-hint")


def test_two_runs_in_one_page(window: Browser, pages: Path) -> None:
    window.open(pages / "two.html")
    assert "runs/made_up" in window.text("#runs")
    assert "runs/other" in window.text("#runs")
    assert "one common box" in window.text("#progress-hint")
    window.click("#runs button:nth-of-type(2)")
    assert "nas search --out runs/other" in window.text("#environment-body")
    assert window.console() == []


def test_what_a_front_cannot_tell_is_said_beside_it(window: Browser, pages: Path) -> None:
    remark = "The front's accuracies lie within 0.4 points: take the cheapest network."
    write_page(pages / "noise.html", [replace(document(44), remarks=(remark,))])
    window.open(pages / "noise.html")
    assert window.text("#remarks") == remark
    write_page(pages / "clear.html", [replace(document(44), remarks=())])
    window.open(pages / "clear.html")
    assert window.text("#remarks") == ""


def test_a_page_says_that_its_search_goes_on_and_loads_itself_again(
    window: Browser, pages: Path
) -> None:
    live = replace(document(44), live=True)
    write_page(pages / "live.html", [live], reload_s=1)
    window.open(pages / "live.html")
    assert "live" in window.text("#summary")
    write_page(pages / "live.html", [document(55)])
    window.wait("return document.body.dataset.ready === 'yes' && page.rows.length === 55")
    assert "live" not in window.text("#summary")


def test_400_networks_stay_small() -> None:
    assert len(render_page([document(400)]).encode()) < 1_500_000


@pytest.mark.slow
def test_5000_networks_stay_smooth(window: Browser, pages: Path) -> None:
    write_page(pages / "large.html", [document(5000)])
    window.open(pages / "large.html")
    times: list[float] = window.run(
        "return [150, 200, 300].map((place) => { const one = document.querySelector("
        "'[data-metric=params]'); one.value = place; const began = performance.now();"
        "one.dispatchEvent(new Event('input')); redraw(); return performance.now() - began; })"
    )
    # A generous bound, for machines under load: a moment, not seconds.
    assert min(times) < 1500
    assert window.console() == []


def test_nothing_is_fetched() -> None:
    text = render_page([document(22)])
    for word in ("http://", "https://", '<link rel="stylesheet', "src=", "@import"):
        assert word not in text.replace("http://www.w3.org/2000/svg", ""), word


def test_names_cannot_break_out_of_the_page(window: Browser, pages: Path) -> None:
    hostile = "</script><img src=x onerror=window.broken=1>"
    write_page(pages / "hostile.html", [document(22, name=hostile)])
    window.open(pages / "hostile.html")
    window.run("openDetail(page.rows[page.runs[0].best])")
    assert window.run("return window.broken === undefined")
    assert window.console() == []


def test_an_error_in_a_page_is_seen_here(window: Browser) -> None:
    """What the silent console of the other tests rests on."""
    window.run("setTimeout(() => { throw new Error('planted'); }); window.planted = true")
    seen = itertools.chain.from_iterable(window.console() for _ in range(200))
    assert any("planted" in line for line in seen)
