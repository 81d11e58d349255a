"""The house rules on imports, read from the source: nothing is imported to check them."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ("pipelines", "udl_tf", "saved_models")


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


def imports(name):
    """The project's modules that a module imports, also inside its functions."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively in line {node.lineno}"
            # `from package import x` imports the module package.x, or a name that package defines.
            targets = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {target if target in MODULES else node.module for target in targets}
    return {target for target in found if target.split(".")[0] in PACKAGES}


IMPORTS = {name: imports(name) for name in MODULES}


def cycle_through(name):
    """A list of modules, each importing the next and the last importing `name`; empty if there is none."""
    routes = [[name]]
    seen = set()
    while routes:
        route = routes.pop()
        for target in IMPORTS.get(route[-1], ()):
            if target == name:
                return route
            if target not in seen:
                seen.add(target)
                routes.append([*route, target])
    return []


def test_every_import_of_the_project_names_a_module():
    missing = {name: targets - MODULES.keys() for name, targets in IMPORTS.items()}
    assert not {name: targets for name, targets in missing.items() if targets}


def test_data_flows_one_way():
    back = {"pipelines": ("udl_tf", "saved_models"), "udl_tf": (), "saved_models": ("pipelines", "udl_tf")}
    wrong = [
        (name, target)
        for name, targets in IMPORTS.items()
        for target in targets
        if target.split(".")[0] in back[name.split(".")[0]]
    ]
    assert wrong == []


COMMANDS = {name for name, path in MODULES.items() if '__name__ == "__main__"' in path.read_text(encoding="utf-8")}
# The packages and their rooms from the ground up: each may use those before it, and none behind it. Commands are on top of all.
FLOORS = {
    "pipelines": (
        *("errors", "compat", "xla", "draws", "geometry", "normalise", "spectra", "preparation", "files"),
        *("pictures", "noise", "pairs"),
    ),
    "udl_tf": (
        *("choices", "commands", "versions", "networks", "presets", "views", "alignment", "registration", "serving", "chunks"),
        *("volumes", "training", "programs", "tuning", "particles", "classification", "rivals", "methods", "tables", "client"),
    ),
}


def test_no_import_runs_upwards():
    def floor(name):
        package, room = name.split(".")[:2]
        if f"{package}.{room}" in COMMANDS:
            return list(FLOORS).index(package), len(FLOORS[package])
        assert room in FLOORS[package], f"{name}: on which floor is it?"
        return list(FLOORS).index(package), FLOORS[package].index(room)

    rooms = [name for name in MODULES if name.split(".")[0] in FLOORS and "." in name]
    wrong = [(name, target) for name in rooms for target in IMPORTS[name] if target in rooms and floor(target) > floor(name)]
    assert wrong == []


def test_no_import_cycle():
    assert [cycle for name in MODULES if (cycle := cycle_through(name))] == []


def test_nobody_imports_a_command():
    assert {"udl_tf.fit", "udl_tf.align", "udl_tf.tune", "udl_tf.evaluate"} <= COMMANDS
    assert [(name, target) for name, targets in IMPORTS.items() for target in targets & COMMANDS] == []


def test_modules_are_short():
    """One concept a module: at most 250 lines, half of them under 100."""
    lengths = {name: len(MODULES[name].read_text(encoding="utf-8").splitlines()) for name in MODULES}
    assert {name: length for name, length in lengths.items() if length > 250} == {}
    assert sorted(lengths.values())[len(lengths) // 2] < 100


SURFACE = (  # what people call from Python
    *(name for name in MODULES if name.startswith("pipelines.geometry") or name == "pipelines.files.opening"),
    *("udl_tf", "udl_tf.client", "udl_tf.alignment.aligner", "udl_tf.alignment.result"),
)


@pytest.mark.parametrize("name", SURFACE)
def test_the_public_surface_has_type_hints(name):
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    functions = [node for part in (tree, *classes) for node in part.body if isinstance(node, ast.FunctionDef)]
    public = [one for one in functions if one.name == "__init__" or not one.name.startswith("_")]
    taken = [(one, part) for one in public for part in (*one.args.posonlyargs, *one.args.args, *one.args.kwonlyargs)]
    bare = {one.name for one, part in taken if part.annotation is None and part.arg not in ("self", "cls")}
    bare |= {one.name for one in public if one.returns is None and one.name != "__init__"}
    assert bare == set()


def test_graphs_are_traced_without_autograph():
    """It would rewrite every function of the project that a graph calls, which takes longer than to trace it."""
    found = []
    for name, path in MODULES.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "tf.function":
                options = {option.arg: ast.unparse(option.value) for option in getattr(calls.get(id(node)), "keywords", ())}
                found.append((name, node.lineno, options.get("autograph")))
    assert len(found) > 20
    assert not [(name, line) for name, line, autograph in found if autograph != "False"]
