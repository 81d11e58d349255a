"""Made tissue spoiled: which faults are found."""


def rows(args, seed, count=200, planted=20):
    """The row of made tissue with faults."""
    import numpy as np

    from pipelines.pictures.section_faults import plant
    from pipelines.pictures.tissue import made_volume
    from udl_tf.volumes.faults import find_faults

    good = made_volume(count, (160, 160), seed, 2.0)
    numbers = np.sort(np.random.default_rng(seed).choice(np.arange(1, count - 1, 3), planted, replace=False))
    bad, names = plant(good, numbers.tolist(), seed)
    found = find_faults(lambda number: bad[number], count)
    yield {
        "volume": f"made, {count}",
        "seed": seed,
        "found": sum(int(number) in found for number in numbers),
        "of": planted,
        "missed": ", ".join(name for number, name in zip(numbers, names) if int(number) not in found),
        "good ones accused": len(set(found) - set(numbers.tolist())),
        "in the volume without faults": len(find_faults(lambda number: good[number], count)),
    }
