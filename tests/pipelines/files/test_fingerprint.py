"""Fingerprints of data: what changes them and what does not."""

import hashlib

from pipelines.files.fingerprint import fingerprint


def write(folder, name, content):
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def test_by_hand(tmp_path):
    paths = [write(tmp_path, "b.mrcs", b"xyz"), write(tmp_path, "a.mrcs", b"")]
    # A file shorter than 64 KiB has its first and its last bytes read, which are all of it, twice.
    lines = [f"a.mrcs 0 {hashlib.sha256(b'').hexdigest()}", f"b.mrcs 3 {hashlib.sha256(b'xyzxyz').hexdigest()}"]
    expected = {"files": 2, "bytes": 3, "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest()}
    assert fingerprint(paths) == fingerprint(paths[::-1]) == expected
    assert fingerprint([]) == {"files": 0, "bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()}


def test_a_copy_elsewhere_has_the_same_and_a_change_another(tmp_path):
    content = bytes(range(256)) * 1000
    one = fingerprint([write(tmp_path / "one", "a.mrcs", content)])
    assert one == fingerprint([write(tmp_path / "two", "a.mrcs", content)])
    others = [("b.mrcs", content), ("a.mrcs", content + b"x"), ("a.mrcs", b"x" + content[1:]), ("a.mrcs", content[:-1] + b"x")]
    for name, changed in others:
        assert fingerprint([write(tmp_path / "three", name, changed)])["sha256"] != one["sha256"]
