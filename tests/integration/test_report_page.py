"""The report's page in a browser: drawn whole, without a request or an error, sortable, readable at every width.

Needs Debian's Chromium; without it every test here fails and says what to install. Nothing looks at how long the page
takes, but a line of the output says it.
"""

import json
import time

import pytest

import chromium
from consort_cli import call

HOSTILE = "</script><script>window.hacked=1</script><!-- <img src=x onerror=window.hacked=1> \"'&\n ü中"
NETWORK = "zoo:resnet-50"
MANY = 10_000
SIZES = (360, 1440)


def axis(title, unit="", log=False, categories=()):
    return {"title": title, "unit": unit, "log": log, "categories": list(categories)}


def column(title, unit="", filters=False, key=False):
    return {"title": title, "unit": unit, "filters": filters, "key": key}


def table(id, columns, rows, caption=HOSTILE):
    return {"kind": "table", "id": id, "caption": caption, "columns": columns, "rows": [{"origin": origin, "cells": cells} for origin, cells in rows]}


def chart(id, mark, categories=()):
    series = [{"name": HOSTILE, "origin": origin, "x": [0, 1, 2], "y": [3 + i, None, 1], "low": [2 + i, None, 0.5], "high": [5 + i, None, 2]}
              for i, origin in enumerate(("measured", "modelled", "emulated", "published"))]
    return {"kind": "chart", "id": id, "caption": HOSTILE, "mark": mark, "x": axis(HOSTILE, HOSTILE, categories=categories), "y": axis("y", "ms"), "series": series}


def heat_map():
    return {"kind": "heat-map", "id": "map", "caption": HOSTILE, "x": axis("x", categories=["a", HOSTILE]), "y": axis("y", categories=["b", "c"]),
            "value_title": "value", "value_unit": "ms", "log": True, "surface": True, "origin": "emulated", "values": [[1, 20], [None, 400]],
            "texts": [[HOSTILE, ""], ["", "x"]]}


def time_line():
    spans = [{"lane": i % 2, "begin_s": 0.001 * i, "end_s": 0.001 * i + 0.0015, "kind": ("run", HOSTILE)[i % 3 == 0], "label": HOSTILE} for i in range(60)]
    return {"kind": "time-line", "id": "line", "caption": HOSTILE, "lanes": ["cpu", HOSTILE], "origin": "modelled", "spans": spans}


def drawing():
    svg = ('<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 900 200" width="900" height="200" onload="window.hacked=1">'
           '<style>@import "https://example.invalid/x.css";</style><script>window.hacked=1</script><image href="https://example.invalid/x.png"/>'
           '<a href="javascript:window.hacked=1"><text x="9" y="20">link</text></a><foreignObject><body xmlns="http://www.w3.org/1999/xhtml">'
           '<img src="https://example.invalid/y.png"/></body></foreignObject><rect width="90" height="90" fill="url(https://example.invalid/z)" onclick="window.hacked=1"/>'
           '<text x="9" y="60">kept &lt;b&gt;</text></svg>')
    return {"kind": "drawing", "id": "drawing", "caption": HOSTILE, "svg": svg, "text": HOSTILE}


def document(blocks):
    return {"format": "consort-report", "version": 1, "title": HOSTILE, "verdict": HOSTILE, "date": "2026-11-24T15:20:03Z", "command": HOSTILE,
            "environment": [{"name": HOSTILE, "value": HOSTILE}], "sections": [{"id": "all", "title": HOSTILE, "blocks": blocks}]}


def every_block():
    rows = [("measured", [f"op{i}", ("cpu", "gpu", HOSTILE)[i % 3], (i * 37) % 100, HOSTILE]) for i in range(30)]
    columns = [column("operator", key=True), column("device", filters=True), column("time", "ms"), column(HOSTILE)]
    return [{"kind": "paragraph", "text": HOSTILE}, table("some", columns, rows), chart("lines", "line"), chart("points", "points"),
            chart("bars", "bars", ["a", "b", HOSTILE]), chart("stacked", "stacked-bars", ["a", "b", HOSTILE]), heat_map(), time_line(), drawing()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("report")


def made(folder, name, blocks):
    """A page of these blocks, written by the program."""
    source, page = folder / f"{name}.json", folder / f"{name}.html"
    source.write_text(json.dumps(document(blocks)))
    outcome = call("report", source, "-o", page)
    assert outcome.code == 0, outcome.describe()
    return page


@pytest.fixture(scope="module")
def hostile_page(folder):
    return made(folder, "hostile", every_block())


@pytest.fixture(scope="module")
def real_page(folder):
    """What the program itself reports."""
    page = folder / "plan.html"
    outcome = call("plan", NETWORK, "--platform", "seed", "--report", page)
    assert outcome.code == 0, outcome.describe()
    return page


@pytest.fixture(scope="module")
def experiment_page(folder):
    """A heat map, charts and tables of experiments."""
    page = folder / "alignment.html"
    outcome = call("experiment", "alignment", "--platform", "seed", "--quick", "-o", folder / "results", "--report", page)
    assert outcome.code == 0, outcome.describe()
    return page


@pytest.fixture(scope="module")
def browser():
    with chromium.Chromium() as one:
        yield one


def fetched(page):
    """What was asked of anybody but the page itself."""
    return [url for url in page.requests if not url.startswith(("file:", "data:", "blob:"))]


def undrawn(page):
    return page.evaluate("[...document.querySelectorAll('[data-plot]')].filter((plot) => plot.dataset.drawn !== 'true').map((plot) => plot.id)")


@pytest.mark.parametrize("scheme", ("light", "dark"))
@pytest.mark.parametrize("width", SIZES)
def test_pages_are_drawn_whole_without_errors_and_requests(browser, hostile_page, real_page, experiment_page, width, scheme):
    for path, plots in ((hostile_page, 7), (real_page, 5), (experiment_page, 2)):
        page = browser.open(path, width=width, scheme=scheme)
        assert page.evaluate("document.querySelectorAll('[data-plot]').length") >= plots
        assert undrawn(page) == []
        assert page.errors == []
        assert fetched(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
        assert page.evaluate("window.hacked === undefined")
        page.close()


def test_plots_have_marks_in_the_dom(browser, hostile_page):
    page = browser.open(hostile_page)
    for plot in ("lines", "points", "bars", "stacked", "map", "line"):
        assert page.evaluate(f"document.querySelectorAll('#{plot} .main-svg').length") > 0, plot
    assert page.evaluate("document.querySelectorAll('#bars .bars .point').length") >= 8
    assert page.evaluate("document.querySelectorAll('#lines .scatterlayer .trace').length") == 4
    page.close()


def test_origins_differ_by_word_dash_shape_and_pattern(browser, hostile_page):
    page = browser.open(hostile_page)
    dashes = page.evaluate("[...document.querySelectorAll('#lines .scatterlayer .trace')].map((trace) => trace.querySelector('.js-line').style.strokeDasharray)")
    assert len(dashes) == 4 and len(set(dashes)) == 4
    shapes = page.evaluate("[...document.querySelectorAll('#points .trace.scatter')].map((trace) => trace.querySelector('.point').getAttribute('d').replace(/[-\\d.]+/g, ''))")
    assert len(set(shapes)) >= 3
    fills = page.evaluate("[...document.querySelectorAll('#bars .trace.bars')].map((trace) => trace.querySelector('path').style.fill)")
    assert len(set(fills)) == 4
    legend = page.evaluate("document.querySelector('.legend').textContent")
    assert all(word in legend for word in ("measured", "modelled", "emulated", "published"))
    page.close()


def test_texts_of_files_stay_texts(browser, hostile_page):
    page = browser.open(hostile_page)
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    page.wait_for("document.querySelectorAll('details table').length >= 6")
    assert page.evaluate("window.hacked === undefined")
    assert page.evaluate("document.querySelectorAll('img, iframe, object, embed, [onclick], [onerror], [onload]').length") == 0
    assert page.evaluate("document.querySelectorAll('script').length") == 4  # data, library, its unpacked form, the page's own
    for selector in ("h1", ".verdict", "section h2", ".command code"):
        assert page.evaluate(f"document.querySelector('{selector}').textContent") == HOSTILE, selector
    assert page.evaluate("document.querySelectorAll('svg a[*|href]').length") == 0
    page.close()


def test_drawings_keep_only_what_is_harmless(browser, hostile_page):
    page = browser.open(hostile_page)
    root = "document.querySelector('#drawing [role=img]').shadowRoot"
    assert page.evaluate(f"{root}.querySelectorAll('script, image, a, foreignObject, img').length") == 0
    assert page.evaluate(f"[...{root}.querySelectorAll('*')].every((node) => [...node.attributes].every((one) => !/^on|href|url/i.test(one.name + one.value)))")
    assert page.evaluate(f"{root}.querySelector('style').textContent") == ""
    assert page.evaluate(f"{root}.querySelector('text').textContent") == "kept <b>"
    page.close()


COLUMN = "[...document.querySelectorAll('#some tbody tr')].map((row) => row.children[3].textContent)"


def test_tables_are_sorted_by_the_keyboard(browser, hostile_page):
    page = browser.open(hostile_page)
    page.evaluate("document.querySelector('#some thead th:nth-child(4) button').focus()")
    before = page.evaluate(COLUMN)
    for key, state in (("Enter", "ascending"), (" ", "descending")):
        page.press(key, "Space" if key == " " else key)
        values = [float(text) for text in page.evaluate(COLUMN)]
        assert values == sorted(values, reverse=state == "descending")
        assert page.evaluate("document.querySelector('#some thead th:nth-child(4)').getAttribute('aria-sort')") == state
        assert page.evaluate("document.querySelector('#some thead th:nth-child(1)').getAttribute('aria-sort')") == "none"
    assert page.evaluate(COLUMN) != before
    page.close()


def test_everything_is_reached_by_the_keyboard(browser, hostile_page):
    page = browser.open(hostile_page)
    reached = set()
    for _ in range(80):
        page.press("Tab")
        reached.add(page.evaluate("(document.activeElement.className || document.activeElement.tagName) + ''"))
    assert page.evaluate("document.querySelector('.skip').getAttribute('href')") == "#consort:main"
    assert {"skip", "sort", "SELECT", "INPUT", "SUMMARY", "scroll"} <= reached
    page.close()


def test_filters_and_words_choose_rows(browser, hostile_page):
    page = browser.open(hostile_page)
    choose = "(() => {{ const box = document.querySelector('#some select[data-filter=device]'); box.value = {}; box.dispatchEvent(new Event('change')); }})()"
    page.evaluate(choose.format("'gpu'"))
    assert page.evaluate("document.querySelectorAll('#some tbody tr').length") == 10
    assert "10 rows (chosen of 30)" == page.evaluate("document.querySelector('#some .count').textContent")
    page.evaluate(choose.format("''"))
    page.evaluate("(() => { const box = document.querySelector('#some input[type=search]'); box.value = 'op17'; box.dispatchEvent(new Event('input')); })()")
    assert page.evaluate("document.querySelectorAll('#some tbody tr').length") == 1
    page.close()


def test_a_heat_map_becomes_a_surface_and_back(browser, hostile_page):
    page = browser.open(hostile_page)
    for kind in ("surface", "heat-map"):
        page.evaluate("document.querySelector('#map [data-toggle=surface]').click()")
        page.wait_for(f"document.querySelector('#map').dataset.plot === '{kind}' && document.querySelector('#map').dataset.drawn === 'true'")
    assert page.errors == []
    page.close()


def test_the_time_line_zooms(browser, hostile_page):
    page = browser.open(hostile_page)
    width = "(() => { const [from, to] = document.querySelector('#line .canvas').layout.xaxis.range; return to - from; })()"
    before = page.evaluate(width)
    page.evaluate("[...document.querySelectorAll('#line button')].find((one) => one.textContent === 'Zoom in').click()")
    page.wait_for(f"{width} < 0.6 * {before}")
    page.evaluate("[...document.querySelectorAll('#line button')].find((one) => one.textContent === 'Reset view').click()")
    page.wait_for(f"Math.abs({width} - {before}) < 1e-6")
    assert page.errors == []
    page.close()


def test_light_and_dark_differ_and_the_toggle_overrides(browser, hostile_page):
    page = browser.open(hostile_page, scheme="light")
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(colour)
    page.prefer("dark")
    dark = page.evaluate(colour)
    assert light != dark
    page.evaluate("document.querySelector('button.scheme').click()")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert page.evaluate(colour) == light
    page.close()


def test_ten_thousand_rows_show_a_page_of_them(browser, folder):
    columns = [column("operator", key=True), column("device", filters=True), column("p50", "ms"), column("p99", "ms")]
    rows = [("modelled", [f"op{i}", ("cpu", "gpu")[i % 2], (i * 37) % 1009 / 7, i / 3]) for i in range(MANY)]
    path = made(folder, "many", [table("many", columns, rows, "Many rows.")])
    assert path.stat().st_size < 6_000_000
    begin = time.monotonic()
    page = browser.open(path)
    print(f"\n{MANY} rows: {path.stat().st_size / 1e6:.2f} MB, opened and shown in {time.monotonic() - begin:.2f} s")
    assert page.evaluate("document.querySelectorAll('#many tbody tr').length") == 100
    assert page.evaluate("document.querySelector('#many .count').textContent") == "Rows 1 to 100 of 10,000"
    page.evaluate("[...document.querySelectorAll('#many .pager button')].find((one) => one.textContent === 'Last').click()")
    assert page.evaluate("document.querySelector('#many tbody tr:last-child').children[0].textContent") == f"op{MANY - 1}"
    page.close()


def test_pages_are_small(hostile_page, real_page, experiment_page):
    for path in (hostile_page, real_page, experiment_page):
        assert path.stat().st_size < 6_000_000, path


def test_printed_pages_have_no_controls_and_every_plot(browser, hostile_page):
    page = browser.open(hostile_page, scheme="dark")
    page.media("print")
    hidden = "[...document.querySelectorAll('.controls, .pager, .page-tools, .tools, details')].every((node) => getComputedStyle(node).display === 'none')"
    page.wait_for(hidden)
    page.wait_for("[...document.querySelectorAll('.canvas')].every((canvas) => canvas.layout.width <= 700)")
    assert undrawn(page) == []
    assert page.evaluate("document.querySelectorAll('#some tbody tr').length") == 30
    assert page.pdf().startswith(b"%PDF")
    page.close()


def test_the_structure_is_that_of_a_document(browser, real_page):
    page = browser.open(real_page)
    assert page.evaluate("document.querySelectorAll('h1').length") == 1
    assert page.evaluate("document.querySelectorAll('main').length") == 1
    assert page.evaluate("document.querySelectorAll('nav a').length") == page.evaluate("document.querySelectorAll('main > section').length")
    assert page.evaluate("[...document.querySelectorAll('nav a')].every((link) => document.getElementById(link.getAttribute('href').slice(1)))")
    assert page.evaluate("[...document.querySelectorAll('figure')].every((one) => one.querySelector('figcaption').textContent.length > 20)")
    assert page.evaluate("[...document.querySelectorAll('thead th')].every((one) => one.scope === 'col' && one.querySelector('button'))")
    assert page.evaluate("document.querySelector('.command code').textContent").startswith("consort plan zoo:resnet-50 --platform seed --report ")
    page.close()


def test_without_the_charting_library_the_words_and_tables_stay(browser, hostile_page, folder):
    begin = '<script type="text/plain" id="consort:library">'
    head, rest = hostile_page.read_text().split(begin)
    broken = folder / "broken.html"
    broken.write_text(head + begin + "AAAA" + rest[rest.index("</script>"):])
    page = browser.open(broken, ready="document.querySelector('.problem:not([hidden])') !== null")
    assert page.evaluate("document.querySelectorAll('#some tbody tr').length") == 30
    assert "charting library" in page.evaluate("document.querySelector('#lines .problem').textContent")
    page.close()
