"""A run that learns views: its folder, and what its model says of new images and pairs, here and on a server."""

import dataclasses
import json
import logging

import numpy as np
import pytest

import udl_tf
from pipelines import geometry
from pipelines.errors import InputError
from pipelines.files import star
from pipelines.files.mrc import write_mrc
from udl_tf.alignment.class_result import NAMES
from udl_tf.classification import fitting
from udl_tf.classification.job import classify_stack
from udl_tf.classification.request import ClassRequest
from udl_tf.client import AlignClient
from udl_tf.views.config import ViewsConfig

pytestmark = pytest.mark.slow("a run is learned, refined and saved; its graphs, twice those of pairs, are first called")


@pytest.fixture(scope="module")
def new(two_views):
    """Particles that the run has not seen, the last one constant."""
    found = two_views(2, 41)
    found.images[-1] = 1.0
    return found


@pytest.fixture(scope="module")
def model(views_run):
    with udl_tf.load(views_run) as aligner:
        yield aligner


@pytest.fixture(scope="module")
def found(model, new):
    return model.classify(new.images)


def test_the_run_folder_says_where_it_came_from(views_run):
    record, metrics = (json.loads((views_run / name).read_text()) for name in ("config.json", "metrics.json"))
    assert record["config"] == dataclasses.asdict(ViewsConfig("Two.", views=2)) and record["preset"] == "cryo-views"
    assert {"numpy", "tensorflow"} <= record["versions"].keys() and record["data_fingerprint"]["files"] == 1
    assert metrics["particles"] == 240 and sum(metrics["members"]) == 240 - metrics["told_junk"]
    assert all(sigma < 5.0 for sigma, junk in zip(metrics["psi_sigma_deg"], metrics["members"], strict=True) if junk > 20)
    assert len(star.read_star(views_run / "classified.star")) == 240
    assert (views_run / "report.html").exists() and not (views_run / "classified.star.parts").exists()


def test_new_particles_get_the_view_they_show(new, found):
    used = np.arange(40)
    labels = [np.bincount(found.view[used][new.view[used] == k]).argmax() for k in (0, 1)]
    assert labels[0] != labels[1]
    assert np.mean(found.view[used] == np.array(labels)[new.view[used]]) > 0.95
    assert found.view[-1] == -1 and found.junk[-1] == 1 and found.score[-1] == 0 and np.isnan(found.angle[-1])
    assert not found.junk[used].any() and np.median(found.score[used]) > 0.9
    np.testing.assert_allclose(found.probability[used].max(1), found.probability[used, found.view[used]])


def test_angles_bring_particles_onto_their_view(new, found):
    """An image turned counter-clockwise is turned back by the angle, up to how its average lies."""
    for k in (0, 1):
        at = np.flatnonzero(new.view[:40] == k)
        at = at[found.view[at] == np.bincount(found.view[at]).argmax()]
        rest = np.exp(1j * np.deg2rad(found.angle[at] + new.turn[at]))
        error = np.rad2deg(np.abs(np.angle(rest * np.conj(rest.mean()))))
        assert np.median(error) < 2.0 and np.median(error) < 2.5 * np.median(found.sigma[at])


def test_noise_is_told(model):
    noise = np.random.default_rng(5).standard_normal((60, 32, 32)).astype(np.float32)
    found = model.classify(noise)
    assert found.junk.mean() > 0.9 and np.median(found.probability.sum(1)) < 0.5


def test_pairs_of_one_view_go_through_it(model, two_views, caplog):
    """Both images are compared with an average of a hundred: the error is less than that of the shipped model, which has none."""
    seen = two_views(7, 120, 0.35)
    fixed, moving = np.arange(1, 120, 2)[:30], np.arange(1, 120, 2)[30:]  # of one view
    truth = geometry.wrap_degrees(seen.turn[fixed] - seen.turn[moving])
    with caplog.at_level(logging.WARNING):
        through = model.align(seen.images[fixed], seen.images[moving])
    direct = udl_tf.load("cryo").align(seen.images[fixed], seen.images[moving])
    error, direct_error = (geometry.angular_distance(one.angle, truth) for one in (through, direct))
    assert np.median(error) < 0.8 * np.median(direct_error)
    assert np.median(through.sigma) < 5.0 and np.median(through.score) > 0.6
    # Among images, each looked at once, it is the same.
    _, among = model.align_pairs(seen.images, np.stack([fixed, moving], 1))
    np.testing.assert_allclose(among.angle, through.angle, atol=1e-2)


def test_pairs_of_something_else_are_aligned_directly_and_it_says_so(model, picture, caplog):
    """Pictures of 64 pixels, and particles of different views: what the shipped model finds."""
    images = picture([0.0, 30.0], [[0.0, 0.0], [1.0, 2.0]], 64)
    with caplog.at_level(logging.WARNING):
        found = model.align(images[1:], images[:1])
    assert "1 of 1 pairs are not of one view that the model knows: aligned to each other directly" in caplog.text
    direct = udl_tf.load("cryo").align(images[1:], images[:1])
    np.testing.assert_allclose(found.angle, direct.angle, atol=1e-4)
    np.testing.assert_allclose(found.angle, 30.0, atol=0.3)


def test_particles_of_two_views_do_not_go_through_one(model, new):
    backend = model._backend.align(new.images[0:40:2], new.images[1:40:2], -1.0, False)
    assert (backend["view"] < 0).mean() > 0.9


def test_a_server_says_the_same(views_run, new, found, tmp_path):
    from udl_tf.serving.server import Server, Settings

    server = Server(Settings(str(views_run / "model"), "two", port=0, rest_port=None))
    try:
        with AlignClient(f"127.0.0.1:{server.port}", "two") as client:
            served = client.classify(new.images)
            for name in NAMES:
                np.testing.assert_allclose(getattr(served, name), getattr(found, name), rtol=1e-4, atol=1e-3, err_msg=name)
            ones = client.classify(new.images, np.ones((41, 17), np.float32))  # a CTF of 1 changes nothing
            np.testing.assert_allclose(ones.angle, found.angle, atol=1e-2)
            pair = client.align(new.images[:1], new.images[2:3])
            assert abs(geometry.wrap_degrees(pair.angle[0] - new.turn[0] + new.turn[2])) < 15.0
            with pytest.raises(InputError, match="expected sides of"):
                client.classify(np.zeros((1, 40, 40)) + np.eye(40))
        write_mrc(tmp_path / "new.mrcs", new.images, 3.0)
        request = ClassRequest(str(tmp_path / "new.mrcs"), model="two", server=f"127.0.0.1:{server.port}")
        table = classify_stack(request, progress=False)
        assert table.label[:40].tolist() == found.view[:40].tolist()
    finally:
        server.stop()


def test_an_exported_model_has_the_signatures_and_their_warm_up(views_run):
    import tensorflow as tf

    from udl_tf.serving import signatures, warmup

    served = signatures.compose(tf.saved_model.load(str(views_run / "model" / "1")))
    assert {"classify", "classify_ctf", "align", "align_pairs"} <= served.keys()
    for name in ("classify", "classify_ctf"):
        specs = tf.nest.flatten(served[name].structured_input_signature)
        assert set(signatures.PER_PAIR[name]) == {spec.name for spec in specs}
    sizes = {
        request.model_spec.signature_name: [side.size for side in request.inputs["images"].tensor_shape.dim]
        for request in warmup.requests("two", ["classify", "classify_ctf"], 32)
    }
    assert sizes == {"classify": [8, 32, 32], "classify_ctf": [8, 32, 32]}


def test_a_stack_is_classed_by_a_model(views_run, new, found, tmp_path):
    """In the model's order, with its poses, and with the same bytes from two processes."""
    write_mrc(tmp_path / "new.mrcs", new.images, 3.0)
    request = ClassRequest(str(tmp_path / "new.mrcs"), output=str(tmp_path / "out.star"), model=str(views_run))
    table = classify_stack(request, progress=False)
    assert table.label[:40].tolist() == found.view[:40].tolist()
    written = star.read_star(tmp_path / "out.star")
    np.testing.assert_allclose(geometry.wrap_degrees(written.numbers("rlnAnglePsi")[:40] + found.angle[:40]), 0.0, atol=1e-2)
    assert written.numbers("udlSigmaPsi")[-1] == 180.0 and written.numbers("rlnClassNumber")[-1] == 0


def test_models_of_pairs_know_no_views(aligner, new):
    with pytest.raises(InputError, match="the model knows no views"):
        aligner.classify(new.images)


@pytest.mark.once("chunks are Python and NumPy")
def test_a_killed_run_goes_on_to_the_same_bytes(views_run, monkeypatch):
    """Stopped after the classes, before the refinement has ended."""
    from udl_tf.classification import refined
    from udl_tf.particles import passes

    data, again, original = views_run.parent / "particles.mrcs", views_run.parent / "again", passes.Passes.refine

    def stop(self, name, *args, **options):
        if name == "start-2":
            raise KeyboardInterrupt
        return original(self, name, *args, **options)

    monkeypatch.setattr(refined.Passes, "refine", stop)
    with pytest.raises(KeyboardInterrupt):
        fitting.fit_views("cryo-views", ViewsConfig("Two.", views=2), str(data), str(again), progress=False)
    monkeypatch.undo()
    assert fitting.is_views(again)
    fitting.resume_views(again, progress=False)
    for name in ("classified.star", "averages.mrcs"):
        ours, theirs = ((folder / name).read_bytes() for folder in (again, views_run))
        assert ours == theirs, name
    with pytest.raises(InputError, match="is finished"):
        fitting.resume_views(again)
