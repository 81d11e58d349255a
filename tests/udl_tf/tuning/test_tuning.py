"""The space of the search, its trials and what survives a kill, and the ranking. Nothing is trained here."""

import dataclasses
import json

import keras_tuner
import pytest
from threadpoolctl import threadpool_limits

from pipelines.errors import InputError
from udl_tf.networks.polar import PolarConfig
from udl_tf.presets import PRESETS, as_dict, resolve
from udl_tf.tuning import oracles, ranking, trials
from udl_tf.tuning.space import configuration

CRYO = PRESETS["cryo"]


@pytest.mark.parametrize("name", PRESETS)
def test_the_defaults_of_the_space_give_the_preset_back(name):
    assert configuration(keras_tuner.HyperParameters(), PRESETS[name], simulated=True) == PRESETS[name]


def test_values_outside_of_the_usual_ranges_stay_the_defaults():
    network = dataclasses.replace(CRYO.network, band=7, radius=0.3, sharpness=200.0)
    odd = dataclasses.replace(CRYO, network=network, learning_rate=3.0, renoise=0.1, train_noise="s&p:0.2")
    assert configuration(keras_tuner.HyperParameters(), odd, simulated=True) == odd


def test_the_kind_of_network_brings_its_period_and_its_own_values():
    hp = keras_tuner.HyperParameters()
    hp.values = {"network": "polar", "pad": 128, "first_ring": 4, "last_ring": 42, "band": 6}
    config = configuration(hp, CRYO)
    assert config.period == 180.0 and config.error_period == 180.0
    # Half the padding: the same frequencies are half the ring numbers.
    assert config.network == dataclasses.replace(PolarConfig(), pad=128, first_ring=2, last_ring=21)
    assert config.train_noise == CRYO.train_noise and "train_noise" not in hp.values


def test_the_paper_network_without_spectrum_sees_the_full_circle():
    base, hp = PRESETS["cryo-paper-small"], keras_tuner.HyperParameters()
    hp.values = {"spectrum": False, "width": 0.5, "head": "angle"}
    config = configuration(hp, base)
    assert (config.period, config.network.spectrum_crop, config.network.head) == (360.0, 0, "angle")
    assert config.network.feature_widths == (16, 32, 64) and config.network.match_widths == (32, 32)


class Runs:
    """Stands for training: a number that depends on the configuration alone; keeps what it was asked for."""

    def __init__(self, wrong=()):
        self.configs, self.wrong = [], wrong

    def __call__(self, config, folder):
        self.configs.append(config)
        if len(self.configs) - 1 in self.wrong:
            raise ValueError("of no use\n\n  somewhere:\nimpossible size")
        return config.learning_rate + config.disturb_shift / config.steps


def search_in(folder, run, algorithm="random", count=6, tell=lambda seconds: None, seed=3):
    folder.mkdir(exist_ok=True)
    return trials.Search(trials.Space(CRYO, False), oracles.make_oracle(algorithm, count, seed), folder, run, tell)


def outcome(search):
    return [(row["trial"], row["status"], row["consistency_deg"], row["steps"], row["values"]) for row in search.rows()]


@pytest.mark.parametrize(
    ("algorithm", "steps"),
    [("random", [100] * 12), ("bayesian", [100] * 5), ("hyperband", [100] + [25] * 4 + [50] * 2 + [100] + [50] * 3)],
)
def test_the_preset_is_trial_0_and_short_trials_are_hyperbands(tmp_path, algorithm, steps):
    run = Runs()
    count = 5 if algorithm == "bayesian" else 12  # a trial that the Gaussian process chooses takes 15 s of scikit-learn
    search = search_in(tmp_path, run, algorithm, count)
    with threadpool_limits(limits=1):  # threads of BLAS on tiny matrices wait for each other, for minutes beside other tests
        search.search()
    assert run.configs[0] == CRYO
    assert [config.steps for config in run.configs][: len(steps)] == steps
    assert [row["trial"] for row in search.rows()] == list(range(count))
    assert {type(config.network).__name__ for config in run.configs} == {"GroupConfig", "PolarConfig"}
    if algorithm == "hyperband":  # the two best of the four go on with twice the steps, of those the best with all
        score = [config.learning_rate + config.disturb_shift / config.steps for config in run.configs]
        best = sorted(range(1, 5), key=lambda i: score[i])[:2]
        assert [dataclasses.replace(run.configs[i], steps=50) for i in best] == run.configs[5:7]
        assert run.configs[7] == dataclasses.replace(run.configs[min(5, 6, key=lambda i: score[i])], steps=100)


def test_neighbouring_seeds_are_different_searches(tmp_path):
    rates = []
    for seed in (0, 1, 5, 11):
        run = Runs()
        search_in(tmp_path / str(seed), run, count=12, seed=seed).search()
        rates.append({config.learning_rate for config in run.configs[1:]})
    assert len(set.union(*rates)) == 4 * 11  # no value is drawn twice


def test_best_and_single_trials_are_presets_that_fit_accepts(tmp_path):
    search = search_in(tmp_path, Runs(), "hyperband", 9)
    search.search()
    for row in search.rows():
        path = next((tmp_path / "trials").glob(f"trial_*{row['trial']}")) / "config.json"
        assert resolve(str(path)) == search.config(row["trial"])
        assert json.loads(path.read_text())["consistency_deg"] == row["consistency_deg"]


class Killed(BaseException):
    """What no code catches, as SIGKILL."""


def dies_after(count, write):
    """`write`, but only the first `count` times."""
    left = iter(range(count))

    def dying(path, content):
        if next(left, None) is None:
            raise Killed
        write(path, content)

    return dying


@pytest.mark.once("what is written when is our own; searches that end are tested above")
@pytest.mark.parametrize("algorithm", ["random", "bayesian", "hyperband"])
def test_killed_at_any_write_no_trial_is_lost_or_finished_twice(tmp_path, monkeypatch, algorithm):
    whole = search_in(tmp_path / "whole", Runs(), algorithm, 4)
    written, write = [], oracles.write_json
    monkeypatch.setattr(oracles, "write_json", lambda path, content: (written.append(path), write(path, content)))
    whole.search()
    assert len(written) > 8
    for moment in range(len(written)):
        folder, run, told = tmp_path / str(moment), Runs(), []
        monkeypatch.setattr(oracles, "write_json", dies_after(moment, write))
        with pytest.raises(Killed):
            search_in(folder, run, algorithm, 4, tell=told.append).search()
        monkeypatch.setattr(oracles, "write_json", write)
        resumed = search_in(folder, run, algorithm, 4)
        assert len(resumed.rows()) >= len(told)
        resumed.search()
        search_in(folder, run, algorithm, 4).search()  # a finished search does nothing more
        assert outcome(search_in(folder, run, algorithm, 4)) == outcome(whole)
        assert len(run.configs) in (4, 5)  # one may have been in work


def test_a_trial_that_was_running_is_run_again_with_its_own_values(tmp_path):
    run = Runs()

    def dying(config, folder):
        if len(run.configs) == 2:
            run.configs.append(config)
            raise KeyboardInterrupt
        return run(config, folder)

    with pytest.raises(KeyboardInterrupt):
        search_in(tmp_path, dying).search()
    search = search_in(tmp_path, run)
    assert [row["trial"] for row in search.rows()] == [0, 1]
    search.search()
    assert run.configs[2] == run.configs[3] and len(run.configs) == 7


def test_trials_that_fail_are_named_and_the_search_goes_on(tmp_path):
    search = search_in(tmp_path, Runs(wrong=(1, 2, 3, 4)))
    search.search()
    rows = ranking.ranked(search.rows())
    assert [row["status"] for row in rows] == ["COMPLETED"] * 2 + ["FAILED"] * 4
    assert rows[-1]["message"] == "ValueError: of no use: impossible size"
    assert [row["rank"] for row in rows] == [1, 2, None, None, None, None]


def test_a_measure_that_is_not_a_number_is_a_failure(tmp_path):
    search = search_in(tmp_path, lambda config, folder: float("nan"), count=2)
    search.search()
    assert [(row["status"], row["message"]) for row in search.rows()] == [("FAILED", "the measure is nan")] * 2


def test_unknown_algorithm():
    with pytest.raises(InputError, match="unknown algorithm 'grid': expected one of hyperband, bayesian, random"):
        oracles.make_oracle("grid", 3, 0)


def row(trial, found, steps, values, message=None, seconds=12.34):
    status = "FAILED" if found is None else "COMPLETED"
    seconds = None if found is None else seconds
    return {"trial": trial, "status": status, "consistency_deg": found, "steps": steps} | {
        "seconds": seconds,
        "values": values,
        "message": message,
    }


ROWS = [
    row(0, 1.5, 100, {"band": 10, "learning_rate": 0.05}),
    row(1, 0.25, 25, {"band": 12, "learning_rate": 0.05}),
    row(2, None, 100, {"band": 16, "learning_rate": 0.05}, "no room"),
    row(3, 1.25, 100, {"band": 10, "learning_rate": 0.012345}),
]


def test_ranking_by_hand():
    rows = ranking.ranked(ROWS)
    assert [(row["rank"], row["trial"]) for row in rows] == [(1, 3), (2, 0), (None, 1), (None, 2)]
    assert ranking.table(rows).splitlines() == [
        "rank trial  consistency  steps    time  what differs from the preset",
        "   1     3    1.250 deg    100    12 s  learning_rate 0.0123",
        "   2     0    1.500 deg    100    12 s  as the preset",
        "         1    0.250 deg     25    12 s  band 12",
        "         2       failed    100          no room",
    ]


def test_the_picture_is_drawn_with_and_without_anything_to_compare(tmp_path):
    for name, rows in (("all", ROWS), ("one", ROWS[:1])):
        ranking.draw(tmp_path / f"{name}.png", ranking.ranked(rows), "a search")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_preset_file_keeps_the_kind_of_network(tmp_path):
    hp = keras_tuner.HyperParameters()
    hp.values = {"network": "polar", "transform": "log", "learn_mask": True}
    config = configuration(hp, CRYO)
    path = tmp_path / "best.json"
    path.write_text(json.dumps({"config": as_dict(config), "trial": 3}))
    assert resolve(str(path)) == config
