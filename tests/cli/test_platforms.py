"""consort platforms: what is built in, figures with their sources, and files that are wrong."""

import re

import pytest

from consort_cli import REPOSITORY, call, call_json

SHIPPED = sorted(path.stem for path in (REPOSITORY / "platforms").glob("*.toml"))

BROKEN = """name = "mine"
summary = "Mine"

[[link]]
name = "usb"
bandwith = { value = "440 MB/s", source = "measured" }
"""


# Network, platform, device, milliseconds. What the files call checked. Sources: coral.ai (Dev Board); pycoral, inference_reference_rp3b+.csv
# and inference_reference_rp4b.csv; softserveinc-rnd/blog, coral/README.md (Inception v3); XNNPACK README (Raspberry Pi 4).
PUBLISHED = [
    ("mobilenet-v1", "coral-pcie", "coral-pcie", 2.4),
    ("squeezenet-1.0", "coral-pcie", "coral-pcie", 2.0),
    ("vgg-16", "coral-pcie", "coral-pcie", 343),
    ("inception-v1", "coral-pcie", "coral-pcie", 4.1),
    ("inception-v3", "coral-pcie", "coral-pcie", 52),
    ("mobilenet-v1", "coral-usb2", "coral-usb2", 9.0),
    ("inception-v1", "coral-usb2", "coral-usb2", 18.94),
    ("inception-v3", "coral-usb2", "coral-usb2", 590),
    ("mobilenet-v1", "pi-coral", "coral-usb3", 4.204),
    ("inception-v1", "pi-coral", "coral-usb3", 6.213),
    ("mobilenet-v1", "raspberry-pi-4", "raspberry-pi-4", 75),
    ("mobilenet-v2", "raspberry-pi-4", "raspberry-pi-4", 44),
]


def dense(text):
    """Without the spaces and line breaks, which depend on the width."""
    return re.sub(r"\s+", "", text)


def widest(text):
    return max(map(len, text.splitlines()))


def test_list():
    outcome = call("platforms")
    assert outcome.code == 0, outcome.describe()
    assert [line.split()[0] for line in outcome.stdout.splitlines() if not line.startswith(" ")] == SHIPPED
    assert widest(outcome.stdout) <= 80
    listed = call_json("platforms")["platforms"]
    assert [platform["name"] for platform in listed] == SHIPPED
    assert next(p for p in listed if p["name"] == "seed")["devices"] == ["xeon-2.2ghz", "gtx1650", "coral-usb3"]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_figure_has_a_source(name):
    """With the parameters of this build's own cost models, which the unit tests do not know."""
    platform = call_json("platforms", name)
    assert platform["name"] == name and platform["devices"]
    for part in platform["devices"] + platform["links"]:
        assert part["figures"], part["name"]
        for key, figure in part["figures"].items():
            assert len(figure["source"]) > 9 and figure["text"], (part["name"], key)


@pytest.mark.parametrize("name", SHIPPED)
def test_table_fits_80_columns_and_shows_what_json_holds(name):
    outcome = call("platforms", name)
    assert outcome.code == 0, outcome.describe()
    assert widest(outcome.stdout) <= 80
    shown = dense(outcome.stdout)
    for part in (platform := call_json("platforms", name))["devices"] + platform["links"]:
        for key, figure in part["figures"].items():
            assert dense(f"{key} {figure['text']} {figure['source']}") in shown
    for device in platform["devices"]:
        assert dense(device["warning"]) in shown


def test_the_published_edge_tpu_is_doubted_where_it_is_shown():
    outcome = call("platforms", "seed-as-published")
    shown = re.sub(r"\s+", " ", outcome.stdout)
    assert "warning: replays what the paper prints as 'Edge TPU', which is very likely TensorFlow Lite on the CPU" in shown
    device = call_json("platforms", "seed-as-published")["devices"][2]
    assert device["kind"] == "cpu"
    assert [row["macs"]["value"] for row in device["rows"]] == [64**2, 128**2, 256**2, 512**2, 1024**2]
    assert device["rows"][4]["time"]["value"] == pytest.approx(14.0038e-3)


def test_values_are_in_si_units():
    seed = call_json("platforms", "seed")
    gpu = next(device for device in seed["devices"] if device["name"] == "gtx1650")
    assert gpu["figures"]["cost.peak_fp32"]["value"] == 2.9e12
    assert gpu["figures"]["cost.peak_fp32"]["unit"] == "op/s"
    assert gpu["figures"]["cost.compute_efficiency"]["text"] == "40 %"
    pcie = next(link for link in seed["links"] if link["name"] == gpu["link"])
    assert (pcie["figures"]["bandwidth"]["value"], pcie["figures"]["bandwidth"]["unit"]) == (12e9, "B/s")


@pytest.mark.parametrize("network, platform, device, published_ms", PUBLISHED)
def test_published_latencies_lie_within_the_bands(network, platform, device, published_ms):
    row = call_json("simulate", f"zoo:{network}", "--platform", platform, "-d", device)["rows"][0]
    assert row["latency_low_ms"] <= published_ms <= row["latency_high_ms"]


def test_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nsummary = "Mine"\n[[device]]\nname = "stick"\nbase = "coral-usb3"\n')
    platform = call_json("platforms", path)
    assert platform["devices"][0]["kind"] == "edgetpu" and platform["links"][0]["name"] == "usb3"


def test_a_wrong_file_is_refused_with_the_line(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(BROKEN)
    outcome = call("platforms", path)
    assert outcome.code == 3 and outcome.stdout == "", outcome.describe()
    assert outcome.stderr == f"consort: {path}:6: unknown key 'bandwith' in link 'usb'; did you mean 'bandwidth'?\n"


def test_an_unknown_name():
    outcome = call("platforms", "corl-usb3")
    assert outcome.code == 3 and outcome.stdout == "", outcome.describe()
    assert "did you mean 'coral-usb3'?" in outcome.stderr and "gtx1650" in outcome.stderr
