"""One training run: a network, its optimiser, the loop, and what it is measured by; the network's task brings all of them."""

import collections
import contextlib
import signal

from udl_tf.alignment.saving import load_weights
from udl_tf.training import hardware
from udl_tf.training.progress import CheckpointKeeper, Progress
from udl_tf.training.stopping import TerminatedError, on_signals
from udl_tf.training.tasks import task_of

Trained = collections.namedtuple("Trained", "model history seconds steps calibration interrupted")


def train(config, data, verbose=1, init=None, checkpoints=None, boards=(), strategy=None, xla=False):
    """Train the network of a configuration on what its task has gathered. Ctrl-C ends the training early.

    Args:
        data: see `tasks.Task.gather`; of pair networks a `datasets.TrainingData`.
        verbose: 1 shows a progress bar on stderr, 0 nothing.
        init: None, or the folder of a SavedModel whose weights the training starts from, see `saving.load_weights`.
        checkpoints: None, or `checkpoints.Checkpoints`; where it holds one, the training goes on from there, and ends with the
            same weights as if it had never stopped.
        boards: objects with ``open(model, config, data)``, ``step`` and ``point`` as in `progress.Progress`; they are left open.
        strategy: None, or a tf.distribute.Strategy, see `hardware.open_strategy`. xla: see `hardware.compiles`.

    Returns:
        `Trained`: `model`, that of the task (of pair networks a `DisturbedPairModel`, its `bias_deg` set); `history`, dict of
        lists: ``step``, ``loss`` and what the task measures; `seconds`; `steps` done; `calibration`, what the task found out
        at the end; whether it was `interrupted`.

    Raises:
        TerminatedError: SIGTERM; the last checkpoint is of this moment.
    """
    task = task_of(config)
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = task.compiled(config, data, xla)
        if init is not None:
            load_weights(init, model.network)
    progress = Progress(config, task.measure(config, data), boards, verbose)
    try:
        with on_signals() as stop:
            keeper = CheckpointKeeper(checkpoints, progress, _state(model), stop, hardware.agreement(strategy))
            if checkpoints:
                keeper.restore()
            for board in boards:
                board.open(model, config, data)
            _fit(model, config, data, progress, keeper, strategy)
    finally:
        progress.close()
    if stop.asked == signal.SIGTERM:
        raise TerminatedError(f"terminated after step {progress.step} of {config.steps}")
    calibration = task.finish(config, data, model)
    return Trained(model, progress.history, progress.seconds, progress.step, calibration, progress.step < config.steps)


def compiled(config, data, xla=False):
    """The untrained model of a configuration, see `tasks.Task.compiled`."""
    return task_of(config).compiled(config, data, xla)


def _state(model):
    """All variables of a training: those of the network and its optimiser, or what the model says."""
    return getattr(model, "training_state", None) or [*model.network.weights, *model.optimizer.variables]


def _fit(model, config, data, progress, keeper, strategy):
    """The steps that are left, in one epoch of Keras's."""
    left = config.steps - progress.step
    if not left:
        return
    if strategy:
        with strategy.scope():
            dataset = hardware.distributed(strategy, data.train(progress.step), config.batch)
    else:
        dataset = data.train(progress.step)
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C twice
        # The pipeline has its own order.
        model.fit(dataset, steps_per_epoch=left, epochs=1, callbacks=[progress, keeper], verbose=0, shuffle=False)
