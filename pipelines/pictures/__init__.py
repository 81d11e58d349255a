"""Pictures to make pairs of: particles and phantoms, photographs and dead leaves; one protocol, `crops.Pictures`."""

from pipelines.pictures.arrays import ArrayPictures, DeadLeaves
from pipelines.pictures.crops import Pictures
from pipelines.pictures.particles import Particles, Phantoms
from pipelines.pictures.photographs import Photographs

__all__ = ["ArrayPictures", "DeadLeaves", "Particles", "Phantoms", "Photographs", "Pictures"]
