"""Pictures to make pairs of: phantoms of particles, dead leaves, photographs."""
