"""What a run prints when it is done."""

NEXT = {
    "section-interpolation": "interpolate VOLUME --output OUT",
    "section-superresolution": "upsample VOLUME --factor 3 --output OUT",
}


def table(metrics, output):
    """The metrics as a person wants to read them."""
    if "task" in metrics:
        return _section_table(metrics, output)
    lines = [f"trained {metrics['steps']} steps in {metrics['seconds']:.0f} s ({metrics['pairs_per_second']:.0f} pairs/s)"]
    if "rotation_error_deg" in metrics:
        lines.append(f"{'error on held-out pairs':28s}{'mean':>8s}{'median':>8s}{'95 %':>8s}")
        modulo = f"rotation, modulo {metrics['period_deg']:g}"
        for name, key in (
            (f"{modulo}, deg", "rotation_error_deg"),
            ("  network alone, deg", "network_rotation_error_deg"),
            ("shift, px", "shift_error_px"),
        ):
            row = metrics[key]
            lines.append(f"{name:28s}{row['mean']:8.2f}{row['median']:8.2f}{row['p95']:8.2f}")
        lines.append(f"{'right half-turn':28s}{100 * metrics['right_half_turn']:7.1f} %")
    else:
        lines.append("truth unknown: no error measured")
    lines += _files(metrics, output)
    lines.append(f"next: python -m udl_tf.align FIXED MOVING --model {output}")
    return "\n".join(lines)


def _section_table(metrics, output):
    """The metrics of a network on sections."""
    numbers = [f"{name.replace('_', ' '):28s}{value:8.3f}" for name, value in metrics.items() if isinstance(value, float)]
    lines = [f"{metrics['task']}: trained {metrics['steps']} steps; on what was held out, in standard deviations", *numbers]
    lines += _files(metrics, output)
    if metrics["task"] in NEXT:
        lines.append(f"next: python -m udl_tf.sections {NEXT[metrics['task']]} --model {output}")
    return "\n".join(lines)


def _files(metrics, output):
    """Lines: what was written; how to go on where the run was interrupted."""
    lines = [f"{output}: config.json metrics.json report.png logs/ model/1/"]
    if metrics["interrupted"]:
        lines.append(f"interrupted: python -m udl_tf.fit --resume {output} trains the remaining steps")
    return lines
