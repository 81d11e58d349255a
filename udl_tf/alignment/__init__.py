"""From a trained network to an alignment: propose, choose, refine; and the objects users hold."""
