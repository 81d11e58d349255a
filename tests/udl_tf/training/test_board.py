"""What TensorBoard finds: the files of a run are read back, and their numbers are those of the run."""

import dataclasses
import time
import types

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from pipelines import geometry, pairs
from pipelines.pairs.disturb import Disturb
from udl_tf.networks.build import build
from udl_tf.networks.polar import PolarConfig
from udl_tf.networks.siamese import SiameseConfig
from udl_tf.training.board import VALIDATION_PAIRS, Board, hyperparameters
from udl_tf.training.step import DisturbedPairModel

BOX = 64
TINY = {"mask_widths": (2, 1), "feature_widths": (4, 8), "match_widths": (8,), "dense_widths": (16,)}


def gathered(angles, known=True):
    """Held-out pairs of a bright spot right of the centre, with these true angles."""
    rng = np.random.default_rng(0)
    images = 0.01 * rng.normal(size=(len(angles), BOX, BOX)).astype(np.float32)
    images[:, 30:34, 50:54] += 1.0
    truth = {"angle": np.asarray(angles, np.float32), "shift": np.zeros((len(angles), 2), np.float32)}
    dataset = tf.data.Dataset.from_tensor_slices(({"fixed": images, "moving": images}, truth)).batch(16).repeat()
    return types.SimpleNamespace(held_out=dataset, has_truth=known)


class Predicts:
    """In the place of a `DisturbedPairModel`: its network says these angles, whatever it sees."""

    def __init__(self, angles=(0.0,) * VALIDATION_PAIRS, period=360.0, error_period=180.0, done=0):
        self._angles = np.asarray(angles, np.float32)
        self.period, self.error_period, self.box, self.bias_deg = period, error_period, BOX, tf.Variable(2.0)
        self.network = types.SimpleNamespace(layers=[])
        self.optimizer = types.SimpleNamespace(iterations=tf.Variable(done))

    def __call__(self, inputs, training):
        return {"direction": geometry.direction_of(self._angles + 2.0, self.period)}  # with a constant of two degrees


def read(folder):
    """The files of a folder as the page of TensorBoard reads them; its other EventAccumulator strikes out no tensors."""
    everything = dict.fromkeys(("scalars", "images", "histograms", "hparams"), 0)
    found = EventAccumulator(str(folder), size_guidance={"tensors": 0}, tensor_size_guidance=everything)
    found.Reload()
    return found


def curve(events, tag):
    """Steps and values of a scalar."""
    points = events.Tensors(tag)
    return [point.step for point in points], [float(tf.make_ndarray(point.tensor_proto)) for point in points]


def picture(events, tag, number=-1):
    """One image as uint8 (height, width, channels)."""
    return tf.io.decode_png(tf.make_ndarray(events.Tensors(tag)[number].tensor_proto)[2]).numpy()


def steps_of(board, numbers, loss=lambda k: float(k), busy=2.0, waited=1.5):
    for k in numbers:
        board.step(k, {"loss": loss(k), "loss_self": 2.0 * loss(k)}, busy, waited)


@pytest.fixture
def config(small_config):
    return dataclasses.replace(small_config, steps=8, batch=16)


def test_numbers_of_the_steps_by_hand(tmp_path, config):
    board = Board(tmp_path / "logs")
    board.open(Predicts(), config, gathered(np.zeros(64)))
    steps_of(board, range(1, 9))
    board.close()
    events = read(tmp_path / "logs")
    assert curve(events, "training/loss") == (list(range(1, 9)), list(map(float, range(1, 9))))
    assert curve(events, "training/loss_self")[1] == [2.0 * k for k in range(1, 9)]
    assert curve(events, "speed/waiting_share")[1] == [0.75] * 8
    assert curve(events, "speed/pairs_per_second")[1] == [8.0] * 8  # 16 pairs in 2 seconds


def test_a_long_run_is_thinned_to_means(tmp_path, config):
    board = Board(tmp_path)
    board.open(Predicts(), dataclasses.replace(config, steps=1401), gathered(np.zeros(64)))
    for k in range(1, 1402):
        board.step(k, {"loss": float(k)}, 1.0 + k % 3, 1.0)
    board.close()
    steps, loss = curve(read(tmp_path), "training/loss")
    assert steps == [*range(3, 1402, 3)] and len(steps) == 467
    assert loss == [k - 1.0 for k in steps]  # of the steps k - 2, k - 1 and k
    np.testing.assert_allclose(curve(read(tmp_path), "speed/waiting_share")[1], 0.5)  # 3 s of 1 + 2 + 3
    np.testing.assert_allclose(curve(read(tmp_path), "speed/pairs_per_second")[1], 8.0)  # 48 pairs in 6 s


def test_errors_of_pairs_by_hand(tmp_path, config):
    truth = np.zeros(VALIDATION_PAIRS)
    truth[0], truth[1], truth[2:4], truth[-1] = 4.0, 179.0, 90.0, np.nan
    model = Predicts()  # the constant C is known and taken off: 0 degrees each
    board = Board(tmp_path)
    board.open(model, config, gathered(truth))
    board.point(8, model, {"loss": 0.5, "consistency_deg": 1.5, "rotation_error_deg": 3.0, "learning_rate": 0.25})
    board.close({"rotation_error_deg": {"mean": 2.5}, "interrupted": False, "note": "text"})
    events = read(tmp_path)
    known = VALIDATION_PAIRS - 1
    # modulo 180 the error of 179 degrees is 1: (4 + 1 + 90 + 90) / known
    np.testing.assert_allclose(curve(events, "pairs/rotation_error_mean_deg")[1], 185.0 / known, rtol=1e-5)
    np.testing.assert_allclose(curve(events, "pairs/rotation_error_median_deg")[1], 0.0, atol=1e-4)
    bins = tf.make_ndarray(events.Tensors("pairs/rotation error, deg")[0].tensor_proto)  # left, right, count
    assert bins[:, 2].sum() == known and bins[-1, 2] == 2 and bins[-1, 1] == pytest.approx(90.0, abs=1e-3)
    assert tf.make_ndarray(events.Tensors("pairs/predicted angle, deg")[0].tensor_proto)[:, 2].sum() == VALIDATION_PAIRS
    assert curve(events, "validation/consistency_deg") == ([8], [1.5])
    assert curve(events, "validation/rotation_error_deg") == ([8], [3.0])
    assert curve(events, "training/learning_rate") == ([8], [0.25])
    assert curve(events, "final/rotation_error_deg/mean") == ([8], [2.5])
    assert "final/note" not in events.Tags()["tensors"] and "validation/loss" not in events.Tags()["tensors"]


def test_where_the_truth_is_unknown_nothing_is_said_of_it(tmp_path, config):
    board = Board(tmp_path)
    board.open(Predicts(), config, gathered(np.full(64, np.nan), known=False))
    board.point(1, Predicts(), {"loss": 0.5, "consistency_deg": 1.5})
    board.close()
    tags = read(tmp_path).Tags()["tensors"]
    assert "pairs/predicted angle, deg" in tags and "pairs/fixed, moving, moving turned" in tags
    assert not [tag for tag in tags if "error" in tag]


@pytest.mark.parametrize(("share", "drawn"), [(0.0, [1, 8]), (np.inf, [1, 3, 5, 8])])
def test_when_pictures_are_drawn(tmp_path, config, share, drawn):
    board = Board(tmp_path, share)
    board.open(Predicts(), config, gathered(np.zeros(64)))
    for k in (1, 3, 5, 8):
        steps_of(board, [k])
        board.point(k, Predicts(), {"consistency_deg": 1.0})
    board.close()
    events = read(tmp_path)
    assert [point.step for point in events.Tensors("pairs/fixed, moving, moving turned")] == drawn
    assert curve(events, "validation/consistency_deg")[0] == [1, 3, 5, 8]


@pytest.mark.parametrize("torn", [0, 9])
def test_a_killed_run_that_goes_on_gives_one_curve(tmp_path, config, torn):
    first = Board(tmp_path)
    first.open(Predicts(), config, gathered(np.zeros(64)))
    steps_of(first, range(1, 7))  # killed after step 6: never closed; its last checkpoint was of step 4
    if torn:
        path = next(tmp_path.glob("*tfevents*"))
        path.write_bytes(path.read_bytes()[:-torn])  # in the middle of a record
    # Files are read in the order of their names: second, process, count; of one second and process the tenth before the ninth.
    time.sleep(1.0)
    second = Board(tmp_path)
    second.open(Predicts(done=4), config, gathered(np.zeros(64)))
    steps_of(second, range(5, 9), loss=lambda k: 100.0 + k)
    second.close()
    assert curve(read(tmp_path), "training/loss") == (list(range(1, 9)), [1.0, 2.0, 3.0, 4.0, 105.0, 106.0, 107.0, 108.0])


def test_a_board_that_was_never_opened_can_be_closed(tmp_path):
    Board(tmp_path / "logs").close()
    assert not (tmp_path / "logs").exists()


def test_hyperparameters(tmp_path, config):
    config = dataclasses.replace(config, network=SiameseConfig(**TINY))
    board = Board(tmp_path)
    board.open(Predicts(), config, gathered(np.zeros(64)))
    board.close()
    events = read(tmp_path)

    def content(tag):
        return HParamsPluginData.FromString(events.SummaryMetadata(tag).plugin_data.content)

    values = content("_hparams_/session_start_info").session_start_info.hparams
    assert values["batch"].number_value == 16 and values["noise"].string_value == "gaussian:0.1"
    assert values["network/feature_widths"].string_value == "4-8" and values["network/kind"].string_value == "siamese"
    experiment = content("_hparams_/experiment").experiment
    assert [metric.name.tag for metric in experiment.metric_infos] == [
        "validation/consistency_deg",
        "validation/rotation_error_deg",
    ]
    assert {info.name for info in experiment.hparam_infos} == set(values) == set(hyperparameters(config))


NETWORKS = {
    "group": {},
    "polar": {"network": PolarConfig(angles=128, harmonics=45, last_ring=30), "period": 180.0},
    "siamese": {"network": SiameseConfig(head="angle", **TINY), "period": 360.0},
    "spectrum": {"network": SiameseConfig(head="direction", spectrum_crop=32, **TINY), "period": 180.0},
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_pictures_of_every_network(tmp_path, config, kind):
    config = dataclasses.replace(config, **NETWORKS[kind])
    model = DisturbedPairModel(build(config), Disturb(2.0), config.period)
    model.compile(optimizer=tf.keras.optimizers.Adam(0.01))
    board = Board(tmp_path)
    board.open(model, config, gathered(np.zeros(64)))
    board.point(8, model, {"consistency_deg": 1.0})
    board.close()
    events = read(tmp_path)
    tags = events.Tags()["tensors"]
    assert picture(events, "pairs/fixed, moving, moving turned").shape == (2 * (16 + 128), 2 * 3 * 128, 1)
    side = 32 if kind == "spectrum" else BOX
    mask = picture(events, "network/mask")
    assert mask.shape == (side, side, 1)
    if kind in ("group", "polar"):
        assert picture(events, "pairs/correlation over angles").shape == (2 * 150, 2 * 300, 3)
        assert picture(events, "network/ring weights").shape == (150, 300, 3)
        assert mask.mean() / 255 == pytest.approx(np.pi / 4 * 0.94**2, abs=0.01)  # a disc of 0.94 of half the side
    else:
        assert not [tag for tag in tags if "correlation" in tag or "ring" in tag]
        assert mask.std() > 0


def test_held_out_pairs_larger_than_the_box_are_cut(tmp_path, config):
    model = Predicts()
    model.box = BOX // 2
    board = Board(tmp_path)
    board.open(model, config, gathered(np.zeros(64)))
    assert pairs.collect(gathered(np.zeros(64)).held_out, 1)[0]["fixed"].shape == (1, BOX, BOX)
    board.point(8, model, {})
    board.close()
    # the spot lies outside of the half that is left: noise alone is stretched to all greys
    tile = picture(read(tmp_path), "pairs/fixed, moving, moving turned")[16:144, :128, 0]
    assert 30 < tile.std() < 90 and 100 < tile.mean() < 155
