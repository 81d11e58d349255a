"""Work on a long series of items, chunk by chunk: results come in order, wherever the chunks are computed."""

from collections import deque

import numpy as np

RANGE = "chunk_range"  # in the store, beside a chunk's arrays: [start, stop), so that another chunk size is noticed


def ranges(count, size, first=0):
    """Chunks of `size` items of a series, the last with what is left: list of (start, stop), of items from `first` on."""
    return [(first + start, first + min(start + size, count)) for start in range(0, count, size)]


def run(stage, function, payload, chunks, executor, store=None, progress=None):
    """Generator: the results of ``function(payload, start, stop)`` for each chunk, in order.

    At most ``executor.in_flight`` chunks are being computed or wait for their turn, so memory does not grow with the series.

    Args:
        stage: name of this piece of the work, unique in it; it names files of the store.
        function: module-level function; returns a dict of NumPy arrays. It should leave sums to one thread: see
            `udl_tf.chunks.executors.single_threaded`.
        payload: small things (names, numbers, arrays of a few MB), dict or dataclass: sent to each worker once, never changed.
        chunks: (start, stop) of each, see `ranges`.
        executor: from `udl_tf.chunks.executors.open_executor`.
        store: None, or `udl_tf.chunks.store.ChunkStore`: finished chunks are read from it, new ones written to it.
        progress: None, or a tqdm bar, moved on by the items of each chunk; those from the store do not count in its rate.

    Yields:
        dict of NumPy arrays, writable, C order, the same bytes whether computed or read.

    Raises:
        InputError: raised by `function`, on whatever machine; a chunk whose worker died again and again. Other exceptions of
            `function` come with their traceback.
    """
    ahead = iter(enumerate(chunks))
    waiting = deque()
    with executor.stage(function, payload) as submit:
        try:
            while True:
                while len(waiting) < executor.in_flight and (chunk := next(ahead, None)) is not None:
                    number, (start, stop) = chunk
                    stored = _stored(store, stage, number, start, stop)
                    waiting.append((number, start, stop, stored, submit(start, stop) if stored is None else None))
                if not waiting:
                    return
                number, start, stop, arrays, future = waiting[0]
                if future is not None:
                    arrays = {name: _plain(value) for name, value in future.result().items()}
                    if store is not None:
                        store.write(stage, number, {**arrays, RANGE: np.array([start, stop])})
                waiting.popleft()
                if progress is not None:
                    _advance(progress, stop - start, computed=future is not None)
                del future
                yield arrays
        finally:
            for *_, future in waiting:
                if future is not None:
                    future.cancel()


def _stored(store, stage, number, start, stop):
    """The arrays of a finished chunk of exactly this range; None if there is none."""
    if store is None or not store.has(stage, number):
        return None
    arrays = store.read(stage, number)
    return arrays if np.array_equal(arrays.pop(RANGE, None), [start, stop]) else None


def _plain(value):
    """An array that owns C-ordered, writable memory: the bytes of later sums depend on the order."""
    return np.require(value, requirements=["C", "W"])


def _advance(progress, items, computed):
    """Move a bar on; what was there already does not make it look faster."""
    if computed:
        progress.update(items)
    elif not progress.disable:
        progress.n += items
        progress.initial += items
        progress.last_print_n += items
        progress.refresh()
