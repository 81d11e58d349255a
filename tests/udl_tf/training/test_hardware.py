"""Who trains with whom, by name and by environment; the training itself is in test_strategies."""

import json

import pytest
import tensorflow as tf

from pipelines.errors import InputError
from udl_tf.training import hardware, loss_scaling

SLURM = {
    "SLURM_JOB_ID": "1234",
    "SLURM_STEP_NUM_TASKS": "3",
    "SLURM_STEP_NODELIST": "n[01-02]",
    "SLURM_STEP_TASKS_PER_NODE": "2,1",
}


@pytest.fixture
def environment(monkeypatch):
    for name in ("TF_CONFIG", "SLURM_PROCID", *SLURM):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_one_is_no_strategy_at_all():
    assert hardware.open_strategy("one") is None and hardware.open_strategy(None) is None
    data = tf.data.Dataset.range(4)
    assert hardware.distributed(None, data, 3) is data and hardware.is_chief(None)


def test_mirrored_takes_what_this_machine_has():
    strategy = hardware.open_strategy("mirrored")
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    assert strategy.num_replicas_in_sync == len(devices) and hardware.is_chief(strategy)


def test_unknown_strategies_are_refused():
    with pytest.raises(InputError, match="'both'.*one, mirrored, multiworker"):
        hardware.open_strategy("both")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"cluster": {"worker": []}, "task": {"type": "worker", "index": 0}}', '{"task": 1}']
)
def test_a_useless_description_of_the_workers_is_refused(environment, text):
    environment.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match="TF_CONFIG"):
        hardware.open_strategy("multiworker")


def test_workers_nobody_described_are_refused(environment):
    with pytest.raises(InputError, match="TF_CONFIG, or Slurm"):
        hardware.open_strategy("multiworker")


def test_tf_config_goes_before_slurm(environment):
    cluster = {"worker": ["a:1", "b:1"]}
    environment.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 1}}))
    environment.setenv("SLURM_PROCID", "0")
    found = hardware.cluster()
    assert found.cluster_spec().as_dict() == cluster and (found.task_type, found.task_id) == ("worker", 1)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_slurm_tasks_become_workers(environment, rank):
    for name, value in {**SLURM, "SLURM_PROCID": str(rank)}.items():
        environment.setenv(name, value)
    found = hardware.cluster()
    first = 10_000 + 1234 % 700 * 32
    assert found.cluster_spec().as_dict() == {"worker": [f"n01:{first}", f"n01:{first + 1}", f"n02:{first}"]}
    assert (found.task_type, found.task_id) == ("worker", rank)
    assert found.num_accelerators() == {"GPU": len(tf.config.list_physical_devices("GPU"))}


def test_slurm_outside_of_a_job_step_is_refused(environment):
    environment.setenv("SLURM_PROCID", "0")
    with pytest.raises(InputError, match="srun"):
        hardware.open_strategy("multiworker")


class Workers:
    """Stands for a strategy of two workers with two replicas each; makes the datasets of both."""

    num_replicas_in_sync = 4

    def distribute_datasets_from_function(self, pieces):
        return [list(pieces(tf.distribute.InputContext(2, worker, 4)).take(2).as_numpy_iterator()) for worker in range(2)]


def test_replica_r_gets_the_rth_piece_of_every_batch():
    data = tf.data.Dataset.from_tensor_slices((tf.range(24), {"double": 2 * tf.range(24)})).batch(8)
    first, second = hardware.distributed(Workers(), data, 8)
    assert [rows.tolist() for rows, _ in first] == [[0, 1], [2, 3]]  # both replicas of the first worker
    assert [rows.tolist() for rows, _ in second] == [[4, 5], [6, 7]]
    assert [inputs["double"].tolist() for _, inputs in second] == [[8, 10], [12, 14]]


def test_a_batch_the_replicas_do_not_divide_is_refused():
    with pytest.raises(InputError, match="received 6 pairs for 4 replicas"):
        hardware.distributed(Workers(), tf.data.Dataset.range(6), 6)


def test_loss_scaling_does_not_change_the_step():
    """With float16's scaling a step moves a weight as it does without; a gradient that overflows moves nothing."""
    moved = []
    for precision, factor in (("float32", 1.0), ("mixed_float16", 1.0), ("mixed_float16", float("inf"))):
        weight = tf.Variable(2.0)
        optimizer = loss_scaling.wrapped(tf.keras.optimizers.SGD(0.125), precision)
        optimizer.build([weight])

        @tf.function
        def step(optimizer=optimizer, weight=weight, factor=factor):
            with tf.GradientTape() as tape:
                scaled = loss_scaling.scaled(optimizer, 3.0 * weight * factor)
            gradients = loss_scaling.unscaled(optimizer, tape.gradient(scaled, [weight]))
            optimizer.apply_gradients(zip(gradients, [weight], strict=True))
            return scaled

        scaled = float(step())
        assert (scaled > 100.0) == (precision == "mixed_float16")
        moved.append(float(weight))
    assert moved == [2.0 - 0.375, 2.0 - 0.375, 2.0]
