"""Other methods of alignment, those of the papers and those that others would use, on the same pairs.

`registry` has them by name. Each is a module that answers a `problem.Problem`: by ``answer(problem, inputs)``, or, where it is
trained first, by ``learner(problem, steps)``, see `learning`. What it answers is a `Rigid` or a `Homography` of
`pipelines.geometry.transforms`.
"""
