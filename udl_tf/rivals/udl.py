"""The paper's network by unsupervised difference learning, trained for the problem like its rivals."""

from pipelines.geometry.warp import centre_crop
from udl_tf.rivals import shifts
from udl_tf.rivals.learning import Learner, batched
from udl_tf.training import calibration, trainer


def learner(problem, steps=None):
    """See `registry.Rival`; its steps are those of the configuration, its constant C is found on self-pairs."""
    config = problem.config
    model = trainer.compiled(config, problem.training_data)

    def angles(inputs):  # of one size for both uses, else the traced function forgets it
        return model.angles({name: centre_crop(images, problem.side) for name, images in inputs.items()})

    def finish():
        batches = (inputs["moving"] for inputs, _ in problem.train().take(calibration.BATCHES))
        model.bias_deg.assign(calibration.calibrate(angles, batches, model.disturb, config.period, config.seed + 1).bias_deg)

    def answer(inputs):
        angle = batched(angles, inputs) - float(model.bias_deg)
        return shifts.given_angle(inputs["fixed"], inputs["moving"], angle, config.period)

    return Learner(model, config.steps, problem.train, [*model.network.weights, model.bias_deg], answer, finish)
