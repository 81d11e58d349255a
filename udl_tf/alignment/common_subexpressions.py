"""Takes out of a SavedModel what its graphs hold twice, so that it is read and first called sooner.

A traced function has one node for every number and every line of Python that made it; many have the same operation, inputs and
attributes as another one of the same function. Grappler would merge them, once in every process, after they were read one by
one; a saved model does without it (`saved_graph`). Answers stay the same to the last bit.
"""

# Equal inputs, equal outputs, and nothing done besides. What calls functions, holds state or draws at random stays.
# fmt: off
PURE = frozenset((
    "AddV2", "Cast", "Ceil", "ConcatV2", "Const", "Cos", "Exp", "ExpandDims", "Fill", "Floor", "FloorDiv", "GatherV2",
    "Identity", "LogicalAnd", "MatMul", "Maximum", "Mean", "Minimum", "Mul", "Neg", "Pack", "Prod", "Range", "RealDiv",
    "Reshape", "Rsqrt", "SelectV2", "Shape", "Sin", "Size", "Sqrt", "Square", "Squeeze", "StridedSlice", "Sub", "Sum",
    "Tile", "Transpose", "ZerosLike",
))
# fmt: on


def merge_nodes(function):
    """Merge equal nodes of a FunctionDef, in place. Returns the number of nodes taken out."""
    kept, names = {}, {}  # node by what it is; the name of the one kept by that of the one taken out

    def renamed(source):  # such as `add:z:0`, or `^add` for a control input
        control = "^" * source.startswith("^")
        name, colon, output = source.removeprefix("^").partition(":")
        return f"{control}{names.get(name, name)}{colon}{output}"

    for node in _inputs_first(function.node_def):
        sources = [renamed(source) for source in node.input]
        known = [(key, value) for key, value in node.attr.items() if not key.startswith("_")]  # not the line of code it is from
        attributes = sorted((key, value.SerializeToString(deterministic=True)) for key, value in known)
        what = (node.op, *sources, node.device, *attributes) if node.op in PURE else node.name
        if what in kept:
            names[node.name] = kept[what].name
        else:
            node.input[:] = sources
            kept[what] = node
    for returned in (function.ret, function.control_ret):
        for key, source in list(returned.items()):  # a map that is changed while it is read skips entries
            returned[key] = renamed(source)
    nodes = [type(node).FromString(node.SerializeToString()) for node in kept.values()]
    del function.node_def[:]
    function.node_def.extend(nodes)
    return len(names)


def _inputs_first(nodes):
    """The nodes of a function in an order in which each comes after its inputs, without recursion: chains are long."""
    by_name, order, seen = {node.name: node for node in nodes}, [], set()
    waiting = list(reversed(by_name))
    while waiting:
        name = waiting[-1]
        inputs = (source.removeprefix("^").partition(":")[0] for source in by_name[name].input)
        missing = [source for source in inputs if source in by_name and source not in seen]
        if missing and name not in seen:
            waiting += reversed(missing)
        elif name not in seen:
            seen.add(name)
            order.append(by_name[waiting.pop()])
        else:
            waiting.pop()
    return order
