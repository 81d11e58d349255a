"""A training run under a benchmark's own eyes: `udl_tf.training.trainer` without its logs and its end."""


def compiled(config, material):
    """The untrained `DisturbedPairModel` of a configuration, compiled as `udl_tf.training.trainer.train` does."""
    import tensorflow as tf

    from pipelines.disturb import Disturb
    from udl_tf.networks.build import build
    from udl_tf.training import trainer
    from udl_tf.training.step import DisturbedPairModel

    tf.keras.utils.set_random_seed(config.seed)
    disturb = Disturb(config.disturb_shift, material.renoise)
    model = DisturbedPairModel(build(config), disturb, config.period, config.seed, config.warm_steps, config.self_pair_share)
    model.compile(optimizer=tf.keras.optimizers.Adam(trainer.learning_rate(config), epsilon=1e-8))
    return model
