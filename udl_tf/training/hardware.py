"""What a training runs on: memory, determinism, and the replicas of `tf.distribute`."""

import json
import logging
import os

import tensorflow as tf

from pipelines.errors import InputError
from udl_tf.choices import STRATEGIES, XLA

LOG = logging.getLogger(__name__)
FIRST_PORT, TASKS_A_NODE, JOBS = 10_000, 32, 700  # ports of Slurm jobs: 10,000 to 32,399, below those that systems hand out


def set_up(deterministic=False):
    """Call before TensorFlow touches a device: GPUs take memory as they need it, and not all there is.

    Args:
        deterministic: also use the kernels whose result does not depend on the order in which threads end, for the rest of the
            process. An operation that has none on this device raises an error when it runs.
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except (RuntimeError, ValueError) as error:  # already in use, or cut into logical devices
            LOG.warning("%s: memory growth stays as it is (%s)", gpu.name, error)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def open_strategy(name):
    """The `tf.distribute` strategy of a name.

    ``one`` or None: none. ``mirrored``: all GPUs of this machine; without one, its logical CPU devices. ``multiworker``: one
    process for each worker, told by TF_CONFIG or by Slurm's variables; call it before any other use of TensorFlow.

    Returns:
        A strategy, or None.

    Raises:
        InputError: unknown name, or no description of the workers.
    """
    if name in (None, "one"):
        return None
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name == "multiworker":
        return tf.distribute.MultiWorkerMirroredStrategy(cluster())
    raise InputError(f"strategy: received {name!r}, expected one of {', '.join(STRATEGIES)}")


def compiles(xla, strategy=None, deterministic=False):
    """Whether the training step is compiled by XLA as one program.

    Args:
        xla: ``on``, ``off``, or ``auto``: where there is a GPU, one device is trained on, and nothing must repeat exactly.
        strategy: of `open_strategy`. deterministic: as in `set_up`.

    Raises:
        InputError: ``on`` with several replicas, whose step is not one program; or another word.
    """
    if xla not in XLA:
        raise InputError(f"xla: received {xla!r}, expected one of {', '.join(XLA)}")
    if xla == "on" and strategy is not None:
        raise InputError("received --xla on with --strategy: expected one device, or --xla off")
    if xla == "auto":
        return strategy is None and not deterministic and bool(tf.config.list_physical_devices("GPU"))
    return xla == "on"


def is_chief(strategy):
    """Whether this process writes the files: of several workers the first one does."""
    resolver = getattr(strategy, "cluster_resolver", None)
    if resolver is None or not resolver.task_type:
        return True
    chiefs = "chief" in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" or (not chiefs and resolver.task_type == "worker" and resolver.task_id == 0)


def distributed(strategy, dataset, batch):
    """A dataset as ``fit`` of a model made in the strategy's scope takes it.

    Every worker makes each whole batch and keeps its piece; replica r gets the r-th of consecutive pieces of equal length, as
    `replicas` says.

    Args:
        strategy: of `open_strategy`. dataset: of nested tensors (batch, ...). batch: pairs of a batch, over all replicas.

    Raises:
        InputError: the replicas do not divide the batch.
    """
    if strategy is None:
        return dataset
    replicas = strategy.num_replicas_in_sync
    if batch % replicas:
        raise InputError(f"batch: received {batch} pairs for {replicas} replicas, expected a multiple of {replicas}")

    def pieces(context):
        each = context.get_per_replica_batch_size(batch)
        size = batch // context.num_input_pipelines
        first = context.input_pipeline_id * size
        mine = dataset.map(lambda *parts: tf.nest.map_structure(lambda part: part[first : first + size], parts))
        return mine if size == each else mine.rebatch(each)

    return strategy.distribute_datasets_from_function(pieces)


def agreement(strategy):
    """A function ``flag -> bool``: whether any worker's flag is set. All workers must call it, in the same step.

    For what one of them must not do alone: a worker that ends while the others step on leaves them waiting for ever.
    """
    resolver = getattr(strategy, "cluster_resolver", None)
    if resolver is None or sum(len(tasks) for tasks in resolver.cluster_spec().as_dict().values()) < 2:
        return bool

    def add(flag):
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(flag))  # on its device

    @tf.function(autograph=False)
    def together(flag):
        return strategy.experimental_local_results(strategy.run(add, args=(flag,)))[0]

    return lambda flag: bool(together(tf.constant(float(bool(flag)))) > 0.0)


def cluster():
    """The cluster resolver that the environment describes."""
    if os.environ.get("TF_CONFIG"):
        _check(os.environ["TF_CONFIG"])
        return tf.distribute.cluster_resolver.TFConfigClusterResolver()
    if "SLURM_PROCID" in os.environ:
        return _slurm()
    raise InputError("strategy multiworker: expected TF_CONFIG, or Slurm's variables (srun), to say who the workers are")


def _check(text):
    """Raise where TF_CONFIG does not name workers and a task."""
    try:
        known = json.loads(text)
        valid = {"type", "index"} <= set(known["task"]) and known["cluster"]["worker"]
    except (ValueError, KeyError, TypeError):
        valid = False
    if not valid:
        form = '{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": N}}'
        raise InputError(f"TF_CONFIG: received {text[:80]!r}, expected {form}")


def _slurm():
    """The workers of a Slurm job step, one for each task, on ports that belong to the job.

    The devices are those that Slurm lets this task see. TensorFlow's own resolver would divide them once more, and cannot do
    without GPUs; so it is told there is one for each task, and asked for the addresses only.
    """
    port = FIRST_PORT + int(os.environ.get("SLURM_JOB_ID", 0)) % JOBS * TASKS_A_NODE
    try:
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=port, gpus_per_node=TASKS_A_NODE, gpus_per_task=1, auto_set_gpu=False
        )
        workers = resolver.cluster_spec()
    except (RuntimeError, ValueError) as error:
        raise InputError(f"strategy multiworker: no job step in Slurm's variables ({error}); start it with srun") from None
    return tf.distribute.cluster_resolver.SimpleClusterResolver(
        workers,
        task_type=resolver.task_type,
        task_id=resolver.task_id,
        num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
        rpc_layer="grpc",
    )
