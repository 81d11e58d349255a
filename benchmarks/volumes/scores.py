"""How near a section that was made comes to the true one, and how sharp it is."""

SIMILARITY = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


class Scores:
    """Collects sections that were made beside the true ones; grey values, 8 bits.

    Args:
        level, spread: mean and standard deviation of the volume.
    """

    def __init__(self, level, spread):
        self._level, self._spread, self._rows, self.sections = level, spread, [], []

    def add(self, made, truth):
        """One section (height, width) and the true one."""
        import numpy as np
        from skimage.metrics import structural_similarity

        from udl_tf.volumes.sharpness import band_power

        made, truth = (np.float32(one) - np.float32(self._level) for one in (made, truth))
        alike = structural_similarity(made, truth, data_range=255.0, **SIMILARITY)
        away, power = made - truth, [*band_power(made), *band_power(truth)]
        self._rows.append([np.abs(away).mean(), np.square(away).mean(), alike, *power])
        self.sections.append((made / self._spread, truth / self._spread))

    def mean(self):
        """MAE in standard deviations of the volume, PSNR for 8 bits, SSIM, power over the truth's in both bands."""
        import numpy as np

        rows = np.array(self._rows)
        return {
            "MAE": float(rows[:, 0].mean() / self._spread),
            "PSNR, dB": float(20 * np.log10(255.0 / np.sqrt(rows[:, 1].mean()))),
            "SSIM": float(rows[:, 2].mean()),
            "mid": float(rows[:, 3].sum() / rows[:, 5].sum()),
            "hi": float(rows[:, 4].sum() / rows[:, 6].sum()),
        }
