"""Graphs without what they hold twice: the nodes of a small function by hand, and the answers of whole functions."""

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.framework import function_pb2
from tensorflow.core.protobuf import config_pb2, saved_model_pb2

from udl_tf.alignment.common_subexpressions import merge_nodes
from udl_tf.alignment.saved_graph import finish

TEXT = """
signature { name: "f" }
node_def { name: "last" op: "Mul" input: "sum_b:z:0" input: "sum_a:z:0" input: "^two_b" }
node_def { name: "two_a" op: "Const" attr { key: "value" value { i: 2 } } attr { key: "_line" value { i: 1 } } }
node_def { name: "two_b" op: "Const" attr { key: "value" value { i: 2 } } attr { key: "_line" value { i: 7 } } }
node_def { name: "three" op: "Const" attr { key: "value" value { i: 3 } } }
node_def { name: "sum_a" op: "AddV2" input: "x" input: "two_a:output:0" }
node_def { name: "sum_b" op: "AddV2" input: "x" input: "two_b:output:0" }
node_def { name: "sum_c" op: "AddV2" input: "x" input: "three:output:0" }
node_def { name: "draw_a" op: "RandomUniform" input: "two_a:output:0" }
node_def { name: "draw_b" op: "RandomUniform" input: "two_b:output:0" }
ret { key: "y" value: "sum_b:z:0" }
control_ret { key: "c" value: "two_b" }
"""


def test_equal_nodes_become_one():
    function = text_format.Parse(TEXT, function_pb2.FunctionDef())
    assert merge_nodes(function) == 2
    nodes = {node.name: list(node.input) for node in function.node_def}
    assert nodes == {  # by hand: two_a is two_b, so sum_a is sum_b; three, and two draws of one shape, are something else
        "two_b": [],
        "sum_b": ["x", "two_b:output:0"],
        "last": ["sum_b:z:0", "sum_b:z:0", "^two_b"],
        "three": [],
        "sum_c": ["x", "three:output:0"],
        "draw_a": ["two_b:output:0"],
        "draw_b": ["two_b:output:0"],
    }
    assert list(nodes)[:3] == ["two_b", "sum_b", "last"]
    assert function.ret["y"] == "sum_b:z:0" and function.control_ret["c"] == "two_b"


def test_many_outputs_are_all_named_anew():
    """A map that is changed while it is read skips some."""
    nodes = [f'node_def {{ name: "i{k}" op: "Identity" input: "x" }}' for k in range(40)]
    text = "\n".join([*nodes, *(f'ret {{ key: "y{k}" value: "i{k}:output:0" }}' for k in range(40))])
    function = text_format.Parse(text, function_pb2.FunctionDef())
    assert merge_nodes(function) == 39
    assert set(function.ret.values()) == {f"{function.node_def[0].name}:output:0"} and len(function.ret) == 40


def functions_of(folder):
    model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    return model.meta_graphs[0].graph_def.library.function


def nodes_of(folder):
    return sum(len(function.node_def) for function in functions_of(folder))


def configurations(folder):
    """({(caller, called): whether Grappler is off there}, whether what the signature calls may not be copied into it)."""
    functions, called = {function.signature.name: function for function in functions_of(folder)}, {}
    for name, function in functions.items():
        for node in function.node_def:
            if node.op in ("PartitionedCall", "StatefulPartitionedCall"):
                config = config_pb2.ConfigProto.FromString(node.attr["config_proto"].s)
                called[name, node.attr["f"].func.name] = config.graph_options.rewrite_options.disable_meta_optimizer
    inside = [callee for caller, callee in called if "signature_wrapper" in caller]
    assert inside
    return called, all(functions[name].attr["_noinline"].b for name in inside)


def test_a_saved_function_answers_the_same(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([None, None])])
    def chain(x):
        total = tf.zeros_like(x)
        for turn in tf.range(3):
            part = x * 2.0 + 1.0
            again = x * 2.0 + 1.0
            total += tf.cond(tf.reduce_sum(part) > 0.0, lambda part=part: part / 3.0 + 1.0, lambda again=again: again / 3.0 + 1.0)
            total += tf.cast(turn, tf.float32) * tf.reshape(part, tf.shape(again))
        return {"y": total, "same": total + 0.0}

    tf.saved_model.save(tf.Module(), str(tmp_path / "m"), signatures=chain)
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    before = chain(tf.constant(x))
    count, (called, _) = nodes_of(tmp_path / "m"), configurations(tmp_path / "m")
    assert not any(called.values())  # TensorFlow's own: Grappler runs
    finish(tmp_path / "m")
    assert nodes_of(tmp_path / "m") < count - 5
    once = (tmp_path / "m" / "saved_model.pb").read_bytes()
    model = tf.saved_model.load(str(tmp_path / "m"))
    after = model.signatures["serving_default"](tf.constant(x))
    for name, value in before.items():
        np.testing.assert_allclose(after[name], value, rtol=1e-6)  # TensorFlow reorders sums
    finish(tmp_path / "m")
    assert (tmp_path / "m" / "saved_model.pb").read_bytes() == once
    called, signature = configurations(tmp_path / "m")
    assert signature and all(called.values())


def test_saved_chains_hold_nothing_twice(model_folder):
    model = saved_model_pb2.SavedModel.FromString((model_folder / "model" / "1" / "saved_model.pb").read_bytes())
    functions = model.meta_graphs[0].graph_def.library.function
    # A first alignment takes as long as there are nodes: before parts were shared there were 5,300. Edges need 230.
    assert 1000 < sum(len(function.node_def) for function in functions) < 4100
    assert sum(map(merge_nodes, functions)) == 0
