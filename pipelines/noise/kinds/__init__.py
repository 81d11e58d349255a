"""The kinds of noise, a file each; `pipelines.noise.registry` lists them."""
