"""SavedModels as loaders other than Python's see them: TensorFlow Serving's knows the graph and the operation that restores."""

import pytest
from tensorflow.core.protobuf import saved_model_pb2

from udl_tf.alignment import models


def variables(folder):
    """(names of the variables that the signatures read, names of those that are restored)."""
    content = saved_model_pb2.SavedModel()
    content.ParseFromString((folder / "saved_model.pb").read_bytes())
    (graph,) = content.meta_graphs
    nodes = {node.name: node for node in graph.graph_def.node}

    def handles(name):
        return {one for one in nodes[name.split(":")[0]].input if nodes[one.split(":")[0]].op == "VarHandleOp"}

    outputs = {info.name for one in graph.signature_def.values() for info in one.outputs.values() if ":" in info.name}
    return set().union(*map(handles, outputs)), handles(graph.saver_def.restore_op_name)


@pytest.mark.parametrize("name", models.shipped())
def test_what_shipped_models_read_is_restored(name):
    read, restored = variables(models.find(name))
    assert len(read) >= 2 and read <= restored


def test_what_a_saved_chain_reads_is_restored(model_folder):
    read, restored = variables(model_folder / "model" / "1")
    assert len(read) >= 2 and read <= restored
