"""The report of a stack alignment: one file that shows everything, whatever the stack was like."""

import base64
import dataclasses
import html.parser
import pathlib
import re
import shutil
import subprocess

import cv2
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.pictures import phantoms
from udl_tf.particles import figures, report
from udl_tf.particles.alignment import StackAlignment
from udl_tf.particles.gallery import best_and_worst
from udl_tf.particles.references import ViewAverage
from udl_tf.particles.report_content import ReportContent
from udl_tf.particles.table import ParticleTable

NOTHING = np.full((2, 64, 64), np.nan)  # in place of half-set averages
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def make_content(count, box, pixel_size=1.77, snr=0.1):
    """An alignment that went well, but for every 20th particle, which is noise, and the third, which could not be used."""
    rng = np.random.default_rng(count)
    clean = phantoms.particles(1, box=box, seed=3)[0]
    noise = rng.normal(size=(count, box, box)).astype(np.float32) * clean.std() / np.sqrt(snr)
    junk = np.arange(count) % 20 == 19
    images = np.where(junk[:, None, None], 0, clean) + noise
    usable = np.arange(count) != 2
    score = np.where(junk, rng.uniform(0, 0.15, count), 1 - rng.exponential(0.02, count)).clip(0, 1) * usable
    weight = (usable & (score > 0.2)).astype(np.float64)
    rows = best_and_worst(score, usable)
    good = images[weight > 0]
    blurred = [cv2.GaussianBlur(clean, (0, 0), width) for width in (box / 8, box / 20, box / 60)]
    table = ParticleTable.of(np.arange(count))
    table.angle, table.shift = rng.uniform(-180, 180, count), rng.normal(0, 3, (count, 2))
    table.score, table.sigma = score, rng.gamma(8, 0.05, count) * np.where(junk, 20, 1)
    table.weight, table.usable = weight, usable
    steps = zip(("before alignment", "round 1", "round 2"), blurred, strict=True)
    averages = [(label, image + 0.05 * rng.normal(size=image.shape).astype(np.float32)) for label, image in steps]
    halves = [good[start::2].mean(0) if len(good) > 1 else np.full((box, box), np.nan) for start in (0, 1)]
    alignment = StackAlignment(
        table,
        pixel_size,
        {0: ViewAverage(good.mean(0), np.stack(halves), np.zeros(box // 2 + 1))},
        [(label, {0: image}) for label, image in [*averages, ("after alignment", good.mean(0))]],
        changes=[41.0, 2.3, 0.4, 0.04],
        rates=[120.0, 131.0, 129.0, 130.0],
        notes=["7 particles left out: score below 0.2."],
    )
    return ReportContent(
        title="particles.star",
        command="python -m udl_tf.align particles.star --output aligned.star --report report.html",
        versions={"udl_tf": "0.4.0", "tensorflow": "2.21.0"},
        seconds=83.4,
        source=f"{count} particles of particles.star",
        model="cryo/1",
        ctf="Phases flipped by the defocus columns of the STAR file.",
        reference="average of the particles",
        mask_radius=0.45 * box,
        alignment=alignment,
        similarity=np.where(usable, rng.normal(0.61, 0.01, count), np.nan),
        best=[(row, score[row], images[row]) for row in rows[0]],
        worst=[(row, score[row], images[row]) for row in rows[1]],
        notes=["Particle 3 holds NaN."],
    )


def changed(content, halves=None, **changes):
    """The content with other fields, of whichever of its parts they are; `halves` of all views."""
    alignment = content.alignment
    if halves is not None:
        changes["averages"] = {view: dataclasses.replace(found, halves=halves) for view, found in alignment.averages.items()}

    def replaced(part, **more):
        names = {field.name for field in dataclasses.fields(part)}
        return dataclasses.replace(part, **{name: value for name, value in changes.items() if name in names} | more)

    if "notes" in changes:
        changes["notes"] = list(changes["notes"])
    return replaced(content, alignment=replaced(alignment, particles=replaced(alignment.particles)))


@pytest.fixture(scope="module")
def content():
    return make_content(200, 64)


class Page(html.parser.HTMLParser):
    """What is on a page: pictures (alternative text, pixels), the text, the headings, and whether all tags are closed."""

    VOID = ("meta", "img")

    def __init__(self, path):
        super().__init__()
        self.pictures, self.words, self.open, self.tags, self.links = [], [], [], set(), []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.add(tag)
        self.links += [value for name, value in attrs.items() if name in ("src", "href", "srcset", "action")]
        if tag == "img":
            kind, data = attrs["src"].split(",", 1)
            assert kind == "data:image/png;base64"
            pixels = cv2.imdecode(np.frombuffer(base64.b64decode(data, validate=True), np.uint8), cv2.IMREAD_UNCHANGED)
            self.pictures.append((attrs["alt"], pixels))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    def find(self, words):
        """The pictures whose alternative text holds these words."""
        return [pixels for alt, pixels in self.pictures if words in alt]


@pytest.fixture
def page_of(tmp_path):
    def write(content):
        path = tmp_path / "report.html"
        report.write_report(content, path)
        assert [item.name for item in tmp_path.iterdir()] == ["report.html"]
        page = Page(path)
        assert page.open == [] and "script" not in page.tags
        assert all(pixels is not None and min(pixels.shape[:2]) >= 32 for _, pixels in page.pictures)
        assert all(link.startswith("data:image/png;base64,") for link in page.links)  # nothing is fetched from anywhere
        return page

    return write


def test_the_page_shows_what_happened(page_of, content):
    page = page_of(content)
    counts = (("Average,", 5), ("Fourier ring", 1), ("Histogram", 5), ("Change per round", 1), ("as it is", 32), ("smoothed", 32))
    assert [(words, len(page.find(words))) for words, _ in counts] == list(counts)
    # 200 particles: 10 of pure noise, one not usable; the worst are the noise, then the six lowest of the good.
    for sentence in (
        "Particles 200",
        "In the average 189",
        "Left out 11, of which 1 cannot be used (NaN or constant)",
        "1.77 Å",
        "Time 83.4 s",
    ):
        assert sentence in page.text
    assert "2.4 over the whole run; by round 120, 131, 129, 130" in page.text  # 200 / 83.4
    assert "Median change per round: 41°, 2.3°, 0.4°, 0.04°" in page.text
    assert (
        content.command in page.text
        and "udl_tf 0.4.0, tensorflow 2.21.0" in page.text
        and all(note in page.text for note in (*content.notes, *content.alignment.notes))
    )


def test_particles_carry_their_number_in_the_star_file_and_their_score(page_of, content):
    page = page_of(content)
    row, score, _ = content.best[0]
    assert page.find(f"Particle {row + 1}, aligned, as it is, score {score:.3f}")
    assert f"No. {row + 1} · score {score:.3f}" in page.text and page.text.count(" · left out") == 10
    noise = range(20, 201, 20)  # ten, so six good ones are among the worst 16, too
    assert all(len(page.find(f"Particle {number}, ")) == 2 for number in noise)
    assert [row + 1 for row, _, _ in content.worst[:10]] != list(noise)  # by score, worst first
    scores = [float(score) for score in re.findall(r"No. \d+ · score ([0-9.]+)", page.text)]
    assert scores == sorted(scores[:16], reverse=True) + sorted(scores[16:])


def test_pictures_are_the_images(page_of, content):
    last = content.alignment.snapshots[-1][1][0]
    shown = page_of(content).find("Average, after alignment")[-1].astype(float)
    assert shown.shape == last.shape and shown.min() == 0 and shown.max() == 255
    inside = np.hypot(*(np.mgrid[:64, :64] - 31.5)) < 28
    assert np.corrcoef(shown[inside], last[inside])[0, 1] > 0.99


def test_grey_values_by_percentiles_within_the_radius():
    image = np.tile(np.arange(101, dtype=np.float32), (101, 1))  # grey value = column; radius 25 holds columns 25 to 75
    image[0, 0] = 1e9
    shown = cv2.imdecode(np.frombuffer(figures.grey(image, 25.0), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shown[50, 50] in (127, 128) and shown[50, 24] == 0 and shown[50, 77] == 255
    assert (cv2.imdecode(np.frombuffer(figures.grey(np.ones((40, 40)), 9.0), np.uint8), 0) == 128).all()
    assert cv2.imdecode(np.frombuffer(figures.grey(np.ones((600, 600)), 9.0), np.uint8), 0).shape == (256, 256)


def test_resolution_in_angstrom_pixels_or_not_at_all(page_of, content):
    """FRC of halves that share all rings up to 10 and none beyond: both crossings between rings 10 and 11 of 64 px."""
    spectrum = np.fft.fft2(np.random.default_rng(0).normal(size=(3, 64, 64)))
    radius = np.rint(np.hypot(*np.meshgrid(np.fft.fftfreq(64) * 64, np.fft.fftfreq(64) * 64)))
    halves = np.fft.ifft2(np.where(radius <= 10, spectrum[0], spectrum[1:])).real
    content = changed(content, best=[], worst=[])
    wide = changed(content, halves=halves, mask_radius=1000.0)  # the disc is the whole frame
    periods = [float(p) for p in re.findall(r"FRC [0-9.]+ ([0-9.]+) Å", page_of(wide).text)]
    assert len(periods) == 2 and all(64 * 1.77 / 11 <= period <= 64 * 1.77 / 10 for period in periods)
    text = page_of(changed(wide, pixel_size=None)).text
    assert "Pixel size unknown" in text and "Box 64 px" in text and re.search(r"FRC 0.5 6\.\d+ px", text) and "Å" not in text
    same = page_of(changed(wide, halves=np.stack([halves[0]] * 2)))
    assert "FRC 0.143 never below: finer than 3.54 Å" in same.text
    noise = page_of(changed(wide, halves=np.stack([halves[0], -halves[0]])))
    assert "FRC 0.5 nothing resolved: below from the first ring on" in noise.text
    none = page_of(changed(content, halves=NOTHING))
    assert "FRC 0.143 unknown: no half-set averages" in none.text and not none.find("Fourier ring")
    assert "The resolution is unknown" in none.text


@pytest.mark.parametrize("count", [1, 3, 20])
def test_small_stacks(page_of, count):
    page = page_of(make_content(count, 32))
    rows = len(page.find("as it is"))
    assert rows == count - (count > 2) and f"Particles {count} " in page.text


def test_all_particles_left_out_or_unusable(page_of, content):
    nothing = np.zeros(200)
    page = page_of(changed(content, weight=nothing, halves=NOTHING, snapshots=content.alignment.snapshots[:1]))
    assert "In the average 0" in page.text and "Sigma of the angle, median unknown" in page.text
    gone = {name: np.full(200, np.nan) for name in ("angle", "score", "sigma", "similarity")}
    empty = dict(best=[], worst=[], snapshots=[], changes=[], rates=[], notes=[], halves=NOTHING, seconds=0.0)
    page = page_of(
        changed(content, usable=nothing.astype(bool), weight=nothing, shift=np.full((200, 2), np.nan), **gone, **empty)
    )
    assert "One pass to a given reference" in page.text and "Rounds one pass" in page.text
    assert (
        "No particle could be used." in page.text
        and page.pictures == []
        and "nan" not in page.text.lower().replace("(nan or", "")
    )


def test_text_is_text_and_never_markup(page_of, content):
    nasty = '<script>alert("1")</script> & {body} "quoted" {0}'
    texts = dict.fromkeys(("title", "command", "source", "model", "ctf", "reference"), nasty)
    snapshots = [(nasty, content.alignment.snapshots[0][1])]
    page = page_of(changed(content, **texts, snapshots=snapshots, best=[], versions={nasty: nasty}, notes=[nasty]))
    assert page.text.count(nasty) >= 10 and len(page.find(nasty)) == 2


def test_a_failure_leaves_nothing_behind(tmp_path, content):
    with pytest.raises(InputError, match="does not exist"):
        report.write_report(content, tmp_path / "no" / "report.html")
    (tmp_path / "report.html").write_text("old")
    content = changed(content, best=[], worst=[])
    with pytest.raises(UnicodeEncodeError):
        report.write_report(changed(content, title="\ud800"), tmp_path / "report.html")
    assert [item.name for item in tmp_path.iterdir()] == ["report.html"] and (tmp_path / "report.html").read_text() == "old"


def test_arrays_that_do_not_belong_together(content):
    with pytest.raises(InputError, match=r"similarity has shape \(3,\), expected \(200,\)"):
        changed(content, similarity=np.zeros(3))
    with pytest.raises(InputError, match="half-set averages"):
        changed(content, halves=np.zeros((2, 9, 9)))


def test_several_views_are_shown_side_by_side(page_of, content):
    found, (_, images) = content.alignment.averages[0], content.alignment.snapshots[-1]
    upside_down = dataclasses.replace(found, halves=found.halves[:, ::-1], average=images[0][::-1])
    snapshots = [*content.alignment.snapshots, ("final", {0: images[0], 3: images[0][::-1]})]
    page = page_of(changed(content, averages={0: found, 3: upside_down}, snapshots=snapshots, best=[], worst=[]))
    first, last = (page.find(f"Average, view {number}, final") for number in (1, 4))
    assert len(first) == len(last) == len(page.find("Average, ")) / 2 == 1
    assert np.corrcoef(first[0].ravel(), last[0][::-1].ravel())[0, 1] > 0.999
    assert [len(page.find(f"View {number}. Fourier ring correlation")) for number in (1, 2, 4)] == [1, 0, 1]
    one, other = (re.search(rf"View {number}\. FRC 0.5 ([^ ]+ [^ ]+)", page.text).group(1) for number in (1, 4))
    assert one == other


@pytest.mark.skipif(BROWSER is None, reason="no chromium, chromium-browser or google-chrome on the PATH")
@pytest.mark.parametrize("width", [420, 1400])
def test_a_browser_shows_the_pictures(tmp_path, content, width):
    """A copy of the page with a probe at its end that writes what the browser decoded, and whether the page is too wide."""
    path = tmp_path / "report.html"
    report.write_report(content, path)
    probe = """<script>window.onload = () => { document.body.dataset.found = JSON.stringify([
      [...document.images].map(i => i.naturalWidth * i.naturalHeight * i.clientWidth > 0),
      document.documentElement.scrollWidth <= document.documentElement.clientWidth]) }</script></body>"""
    path.write_text(path.read_text(encoding="utf-8").replace("</body>", probe), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--window-size={width},900"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [BROWSER, *options, profile, "--dump-dom", pathlib.Path(path).as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = html.unescape(re.search(r'data-found="([^"]*)"', dom).group(1))
    shown, fits = re.fullmatch(r"\[\[(.*)\],(true|false)\]", found).groups()
    assert shown.split(",") == ["true"] * 76 and fits == "true"
