"""Presets of networks on sections, as fields of `udl_tf.presets.Config`: the source's own, and smaller ones for two cores."""

from udl_tf.networks.sections.alignment import SectionAlignmentConfig
from udl_tf.networks.sections.interpolation import SectionInterpolationConfig
from udl_tf.networks.sections.superresolution import SectionBlocksConfig, SectionSuperresolutionConfig

# Adam and batches of 6 (sections 3.2 and 3.3). Rates and the side of the crops are lost from the text: our choice.
COMMON = {"period": 360.0, "material": "sections", "noise": "clean", "box": 64, "batch": 6, "sources": 24, "support": "frame"}
QUICK = {
    "front": "wide",
    "residual": "linear",
    "slice_modules": 0,
    "fused_modules": 4,
    "maps": 32,
    "norm": False,
    "block": 2,
}
FINER = {"beside": 1, "fine_modules": 1, "maps": 32, "residual": True, "norm": False}
PAPER_BLOCKS = {**COMMON, "box": 48, "sources": 72, "learning_rate": 2e-4, "steps": 100_000}

SECTION_FIELDS: dict[str, dict] = {
    "sections-interpolation": {
        "description": "A section from its neighbours by pixel loss: what is left after the flow; ten minutes on two cores.",
        "network": SectionInterpolationConfig(**QUICK),
        "learning_rate": 2e-3,
        "steps": 2400,
        **{**COMMON, "box": 96},
    },
    "sections-interpolation-adversarial": {
        "description": "The same with a discriminator after the first steps: sharper, further from the truth.",
        "network": SectionInterpolationConfig(**QUICK, adversarial=0.05, discriminator_maps=(16, 32, 64), dense=64),
        "learning_rate": 1e-3,
        "steps": 1500,
        "warm_steps": 1200,
        **COMMON,
    },
    "sections-interpolation-paper": {
        "description": "The source's interpolation network, both slices as they are, with its discriminator; for a GPU.",
        "network": SectionInterpolationConfig(adversarial=0.01),
        "learning_rate": 2e-4,
        "steps": 100_000,
        **COMMON,
    },
    "sections-superresolution": {
        "description": "Three steps in place of one, learned from the volume's own thinned sections; ten minutes on two cores.",
        "network": SectionSuperresolutionConfig(**FINER),
        "learning_rate": 2e-3,
        "steps": 2400,
        **COMMON,
    },
    "sections-superresolution-adversarial": {
        "description": "The same with a discriminator after the first steps: as sharp as sections are, further from the truth.",
        "network": SectionSuperresolutionConfig(
            **FINER, adversarial=0.3, discriminator_maps=(16, 32, 64), dense=64, discriminator_rate=5e-4
        ),
        "learning_rate": 1e-3,
        "steps": 2400,
        "warm_steps": 1000,
        **COMMON,
    },
    "sections-superresolution-paper": {
        "description": "The source's super-resolution network of blocks, two steps in place of one; for a GPU.",
        "network": SectionBlocksConfig(adversarial=0.01),
        **PAPER_BLOCKS,
    },
    "sections-alignment-paper": {
        "description": "The source's alignment network, pixel loss and discriminator of reslices; for a GPU.",
        "network": SectionAlignmentConfig(adversarial=0.01),
        **PAPER_BLOCKS,
    },
    "sections-alignment-adversarial": {
        "description": "The same without pixel loss.",
        "network": SectionAlignmentConfig(adversarial=1.0, pixel=0.0),
        **PAPER_BLOCKS,
    },
}
