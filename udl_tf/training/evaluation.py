"""What a trained aligner is worth, on held-out pairs."""

import collections

import numpy as np

from pipelines import pairs
from pipelines.geometry.warp import centre_crop
from udl_tf.training.errors import rotation_error, summary

Measured = collections.namedtuple("Measured", "metrics errors inputs aligned")
GROSS = 10.0  # degrees; beyond it a half turn is judged wrong, and a shift says nothing


def evaluate(config, data, trained, aligner):
    """Measure a run.

    Args:
        config: `udl_tf.presets.Config`. data: `datasets.TrainingData`. trained: `trainer.Trained`. aligner: `Aligner`.

    Returns:
        `Measured`: `metrics` for metrics.json (rotation errors modulo `config.error_period`; `right_half_turn`, the share of
        pairs right within the full 360 degrees, of those right modulo that period), `errors` (dict of name -> (n,) degrees, or
        None where the truth is unknown), and held-out `inputs` with their `aligned` moving images for the report.
    """
    inputs, truth = pairs.collect(data.held_out, config.evaluate_pairs if data.has_truth else config.batch)
    inputs = {name: centre_crop(images, config.box) for name, images in inputs.items()}
    result = aligner.align(inputs["fixed"], inputs["moving"])
    metrics = {
        "period_deg": config.error_period,
        "bias_deg": trained.calibration.bias_deg,
        "bias_spread_deg": trained.calibration.spread_deg,
        "steps": trained.steps,
        "seconds": round(trained.seconds, 2),
        "pairs_per_second": round(trained.steps * config.batch / max(trained.seconds, 1e-9), 1),
        "loss": trained.history["loss"][-1] if trained.history["loss"] else None,
        "interrupted": trained.interrupted,
        "held_out_pairs": len(result),
        "score_mean": float(result.score.mean()),
    }
    errors = None
    if data.has_truth:
        network = np.concatenate(
            [
                trained.model.angles({name: images[i : i + config.batch] for name, images in inputs.items()}).numpy()
                for i in range(0, len(result), config.batch)
            ]
        )
        errors = {
            "network": rotation_error(network - trained.calibration.bias_deg, truth["angle"], config.error_period),
            "aligner": rotation_error(result.angle, truth["angle"], config.error_period),
        }
        full = rotation_error(result.angle, truth["angle"], 360.0)
        right = full < GROSS
        shift = np.linalg.norm(result.shift - truth["shift"], axis=1)
        metrics |= {
            "rotation_error_deg": summary(errors["aligner"]),
            "network_rotation_error_deg": summary(errors["network"]),
            "right_half_turn": float(right.sum() / max((errors["aligner"] < GROSS).sum(), 1)),
            "shift_error_px": summary(shift[right]) if right.any() else summary(shift),
        }
    return Measured(metrics, errors, inputs, result.apply(inputs["moving"]))
