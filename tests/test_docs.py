"""README and docs: every block of code does what it says, every file named is there, and lines are short.

Blocks of Python and of our own commands are run, in one folder with two pictures and a volume in it. Below ``<!-- long -->``
stand those that take long, or need what a test has not: of them arguments, imports and syntax are checked.
"""

import argparse
import ast
import contextlib
import functools
import importlib
import json
import pathlib
import re
import shlex

import cv2
import numpy as np
import pytest
import tifffile

ROOT = pathlib.Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "saved_models" / "README.md"])
LONG = "<!-- long -->"
FENCE = re.compile(r"(?m)^(?P<mark><!-- long -->\n)?```(?P<kind>\w*)\n(?P<code>.*?)^```$", re.DOTALL)
OURS = re.compile(r"(?:python -m udl_tf\.|udl-tf )(\w+(?:\.\w+)*)(.*)")
BENCHMARK = re.compile(r"python (benchmarks/\w+\.py)(.*)")
SHELL_ENDS = re.compile(r"\s(?:&&|\||>|;).*")
LANGUAGES = ("bash", "python", "json", "proto", "text")


def name(path):
    return path.relative_to(ROOT).as_posix()


def blocks(*kinds):
    """(page and number, code, whether it is marked as long) of all fenced blocks of these kinds."""
    for page in PAGES:
        for number, found in enumerate(FENCE.finditer(page.read_text(encoding="utf-8"))):
            if found["kind"] in kinds:
                yield f"{name(page)}-{number}", found["code"], bool(found["mark"])


def prose(page):
    """(line number, line) of a page outside of blocks of code."""
    inside = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        inside ^= line.startswith("```")
        if not inside and not line.startswith(("```", "    ")):
            yield number, line


def calls(text):
    """(command, arguments) of each of our commands in a text."""
    for line in text.replace("\\\n", " ").splitlines():
        for command, rest in OURS.findall(line):
            yield command, shlex.split(SHELL_ENDS.sub("", rest), comments=True)


def quoted(page):
    """What stands between backquotes on a page, outside of blocks of code."""
    return re.findall(r"`([^`]+)`", "\n".join(line for _, line in prose(page)))


def module(command):
    return importlib.import_module(f"udl_tf.{command}")


def parsed(command, arguments):
    parser = argparse.ArgumentParser(command)
    module(command).add_args(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_lines_of_prose_have_at_most_100_characters(page):
    assert [(number, line) for number, line in prose(page) if len(line) > 100 and not line.startswith("|")] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files(page):
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_named_in_backquotes_are_there(page):
    """`chain.py`, `alignment/chain.py` and `udl_tf/alignment/` all name something of the checkout."""
    known = {"/" + name(path) for path in ROOT.rglob("*.py") if not any(part.startswith(".") for part in path.parts[1:])}
    known |= {path.rsplit("/", 1)[0] + "/" for path in known}
    kinds = r"[\w/-]+\.py|(udl_tf|pipelines|tests|benchmarks)/[\w/]*/"
    named = [part for part in quoted(page) if re.fullmatch(kinds, part) and "NAME" not in part]
    assert [part for part in named if not any(path.endswith("/" + part) for path in known)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_names_of_modules_in_backquotes_are_there(page):
    named = [part.split("(")[0] for part in quoted(page) if re.match(r"(udl_tf|pipelines)\.[\w.]+(\(|$)", part)]
    assert [part for part in named if not exists(part)] == []


def exists(dotted):
    """Whether a dotted name leads to a module, or to something within one."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            found = importlib.import_module(".".join(parts[:end]))
            for attribute in parts[end:]:
                if not hasattr(found, attribute):
                    return False
                found = getattr(found, attribute)
            return True
    return False


def test_blocks_say_what_they_are():
    kinds = {found["kind"] for page in PAGES for found in FENCE.finditer(page.read_text(encoding="utf-8"))}
    assert kinds <= set(LANGUAGES)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_take_the_arguments_they_are_shown_with(page, capsys):
    text = page.read_text(encoding="utf-8")
    shown = [code for kind in ("bash", "python") for label, code, _ in blocks(kind) if label.startswith(f"{name(page)}-")]
    indented = [line for line in text.splitlines() if line.startswith("    ")]
    inline = [part for part in quoted(page) if "..." not in part and "COMMAND" not in part and " " in part]
    for command, arguments in calls("\n".join([*shown, *indented, *inline])):
        if not arguments:  # the command's name alone
            continue
        try:
            parsed(command, arguments)
        except SystemExit:
            pytest.fail(f"{command} {' '.join(arguments)}: {capsys.readouterr().err}")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_benchmarks_have_the_options_they_are_shown_with(page):
    shared = "".join((ROOT / "benchmarks" / f"{part}.py").read_text() for part in ("harness", "scoring"))
    for program, rest in BENCHMARK.findall(page.read_text(encoding="utf-8").replace("\\\n", " ")):
        source = (ROOT / program).read_text(encoding="utf-8") + shared
        options = re.findall(r"--[\w-]+", rest.split("`")[0])
        assert [option for option in options if f'"{option}"' not in source] == [], program


def test_json_is_json():
    for _, code, _ in blocks("json"):
        json.loads(code)


def test_one_line_of_the_readme_runs_the_tests():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if ".[test]" in line and "-m pytest" in line]) == 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory, request):
    """A folder with the pictures and the volume that the shell blocks take, and the shipped models loaded once."""
    import udl_tf
    from pipelines.geometry.warp import warp
    from pipelines.pictures import phantoms
    from pipelines.pictures.tissue import made_volume

    folder = tmp_path_factory.mktemp("docs")
    fixed = phantoms.particles(1, box=128, seed=1)
    moving = np.asarray(warp(fixed, np.float32([30.0]), np.float32([[5.0, -3.0]])))
    for path, image in (("fixed.png", fixed[0]), ("moving.png", moving[0])):
        grey = cv2.normalize(np.asarray(image), None, 1, 254, cv2.NORM_MINMAX).astype(np.uint8)
        cv2.imwrite(str(folder / path), grey)
    shaken = np.zeros(8), np.random.default_rng(1).normal(0, 2, (8, 2))
    tifffile.imwrite(folder / "volume.tif", made_volume(8, (96, 96), 1, 1.5, shaken))
    patch = pytest.MonkeyPatch()
    patch.setattr(udl_tf, "load", functools.cache(udl_tf.load))
    yield folder
    patch.undo()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a server of the shipped cryo model."""
    from udl_tf.alignment.models import find
    from udl_tf.serving.server import Server, Settings

    models = tmp_path_factory.mktemp("models")
    (models / "cryo").mkdir()
    (models / "cryo" / "1").symlink_to(find("cryo"))
    server = Server(Settings(str(models), port=0, rest_port=None))
    yield f"localhost:{server.port}"
    server.stop()


SHORT = [(label, code) for label, code, long in blocks("python") if not long]


@pytest.mark.parametrize("label, code", SHORT, ids=[label for label, _ in SHORT])
def test_python_runs(label, code, folder, monkeypatch, request):
    monkeypatch.chdir(folder)
    if "localhost:8500" in code:
        code = code.replace("localhost:8500", request.getfixturevalue("server"))
    exec(compile(code, label, "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("label, code", [pytest.param(*block[:2], id=block[0]) for block in blocks("python") if block[2]])
def test_long_python_imports_what_there_is(label, code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in ("udl_tf", "pipelines"):
            for alias in node.names:
                assert exists(f"{node.module}.{alias.name}"), f"{label}: {node.module} has no {alias.name}"


@pytest.mark.parametrize("label, code", [pytest.param(*block[:2], id=block[0]) for block in blocks("bash") if not block[2]])
def test_shell_runs(label, code, folder, monkeypatch, capsys):
    from udl_tf.commands import console

    monkeypatch.chdir(folder)
    shown = list(calls(code))
    assert len(shown) == len(code.strip().splitlines()), f"{label}: expected our commands alone, or {LONG} above them"
    for command, arguments in shown:
        assert console([command, *arguments]) == 0
        printed, found = capsys.readouterr().out, parsed(command, arguments)
        if getattr(found, "json", False):
            answer = json.loads(printed)
            assert answer["angle"] == pytest.approx(-30, abs=0.2)
        if getattr(found, "output", None):
            assert (folder / found.output).exists()
