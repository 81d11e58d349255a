"""What is done to the graphs of a SavedModel after TensorFlow has written them, so that it is read and first called soon.

Equal operations are merged (`common_subexpressions`), and TensorFlow is told to leave it at that: its own optimizer of graphs
(Grappler) takes four seconds of a processor at the first call of each process, and the calls after it are no quicker for it.
"""

import pathlib

from tensorflow.core.protobuf import config_pb2, saved_model_pb2

from udl_tf.alignment.common_subexpressions import merge_nodes

CALLS = "PartitionedCall", "StatefulPartitionedCall"


def finish(folder):
    """Rewrite the graphs of the SavedModel in `folder`."""
    path = pathlib.Path(folder) / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for graph in model.meta_graphs:
        for function in graph.graph_def.library.function:
            merge_nodes(function)
        leave_as_it_is(graph)
    path.write_bytes(model.SerializeToString(deterministic=True))
    (path.parent / "fingerprint.pb").unlink(missing_ok=True)  # of the file as it was; optional


def leave_as_it_is(graph):
    """Ask, in a MetaGraphDef, that Grappler runs over none of its functions.

    Who calls a signature, decides what is done to its graph: so this holds for what the signature calls, which must not be
    copied into it therefore.
    """
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    signatures = [functions[name] for name in _called(graph.graph_def.node)]
    for name in {name for signature in signatures for name in _called(signature.node_def)}:
        functions[name].attr["_noinline"].b = True
    for function in functions.values():
        for node in function.node_def:
            if node.op in CALLS:
                config = config_pb2.ConfigProto.FromString(node.attr["config_proto"].s)
                config.graph_options.rewrite_options.disable_meta_optimizer = True
                node.attr["config_proto"].s = config.SerializeToString(deterministic=True)


def _called(nodes):
    return [node.attr["f"].func.name for node in nodes if node.op in CALLS]
