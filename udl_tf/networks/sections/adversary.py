"""What every network on sections says of its discriminator."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Adversary:
    """Sizes of the discriminator, and its weight; rates and widths are lost from the source's text, these are our choice.

    Attributes:
        adversarial: weight of the discriminator's loss beside the pixel loss; 0: no discriminator.
        pixel: weight of the pixel loss.
        discriminator_maps: of its convolution modules, on each slice. dense: width of its fully connected layer.
        dropout: of what it sees of all slices.
        discriminator_rate: learning rate of its Adam.
        discriminator_floor: its loss below which it is not updated: it must not run away from the generator (algorithm 1).
    """

    adversarial: float = 0.0
    pixel: float = 1.0
    discriminator_maps: tuple = (32, 64, 128)
    dense: int = 128
    dropout: float = 0.5
    discriminator_rate: float = 2e-4
    discriminator_floor: float = 0.3
