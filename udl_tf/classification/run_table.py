"""What a run that learned views prints when it is done."""


def table(metrics, output):
    """The metrics as a person wants to read them: a line a view."""
    lines = [f"{metrics['classes']} views of {metrics['particles']} particles in {metrics['seconds']:.0f} s"]
    for number, (members, period, sigma) in enumerate(
        zip(metrics["members"], metrics["resolution"], metrics["psi_sigma_deg"], strict=True)
    ):
        resolved = "nothing resolved" if period is None else f"resolved to {period:.1f}"
        accuracy = "" if sigma is None else f", psi to {sigma:.2f} deg"
        lines.append(f"view {number + 1:3d} {members:8d} particles, {resolved}{accuracy}")
    lines.append(f"{output}: config.json metrics.json report.html averages.mrcs model/1/")
    lines.append(f"next: python -m udl_tf.classify PARTICLES --model {output} --output classified.star")
    return "\n".join(lines)
