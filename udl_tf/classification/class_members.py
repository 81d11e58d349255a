"""The best and the worst members of each class, brought upright, for people to look at."""

import numpy as np

from pipelines import geometry
from pipelines.geometry.warp import warp
from udl_tf.particles import figures
from udl_tf.particles.gallery import best_and_worst
from udl_tf.particles.report_html import grid, picture

COUNT = 4  # members of either kind


def members(table, source):
    """HTML: a strip of each class, its best members and then its worst ones by their evidence.

    Args:
        table: `ClassTable`. source: of the images, `pipelines.files.source.Source`.
    """
    angle, shift = (part.astype(np.float32) for part in geometry.rigid_from_relion(table.psi, table.offset, source.shape[0]))
    strips = []
    for number in range(len(table.averages)):
        inside = table.usable & (table.label == number)
        rows = np.concatenate(best_and_worst(table.evidence, inside, COUNT))
        if not len(rows):
            continue
        images = warp(source.read(rows), angle[rows], shift[rows]).numpy()
        tiles = np.concatenate([(image - image.mean()) / max(image.std(), 1e-12) for image in images], 1)
        text = f"{number + 1}: " + ", ".join(f"{row + 1} ({table.evidence[row]:.1f})" for row in rows)
        strips.append(picture(figures.grey(tiles, tiles.shape[1]), f"Members of class {number + 1}", text))
    rule = f"Up to {COUNT} members of the highest evidence, then {COUNT} of the lowest; rows of the input, evidence in nats."
    return grid(strips, "charts") + f"<p>{rule}</p>"
