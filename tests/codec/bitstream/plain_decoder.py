"""A decoder in plain Python, by the letter of docs/format.md, with nothing of this project."""

import zlib


def decode_plainly(data: bytes) -> list[list[list[int]]]:
    """Codes [C][Q][F] by the letter of docs/format.md, without anything of this project."""

    def number(start: int, length: int) -> int:
        return int.from_bytes(data[start : start + length], "big")

    assert data[:5] in (b"NSVQ\x01", b"NSVQ\x02", b"NSVQ\x03")
    if data[4] == 2:
        return decode_growing_plainly(data)
    if data[4] == 3:
        return decode_variable_plainly(data)
    assert number(36, 4) == zlib.crc32(data[:36])
    channels, stages, bits = data[5], data[6], data[7]
    samples = -(-number(28, 8) * number(20, 4) // number(16, 4))
    left = -(-samples // number(24, 2)) + 1 if samples else 0
    codes: list[list[list[int]]] = [[[] for _ in range(stages)] for _ in range(channels)]
    start, index = 40, 0
    while left:
        frames = min(left, number(26, 2))
        length = number(start, 2)
        payload = data[start + 6 : start + 6 + length]
        checked = index.to_bytes(4, "big") + data[start : start + 2] + payload
        assert number(start + 2, 4) == zlib.crc32(checked)
        add_payload(codes, payload, frames, bits)
        start, index, left = start + 6 + length, index + 1, left - frames
    assert start == len(data)
    return codes


def decode_growing_plainly(data: bytes) -> list[list[list[int]]]:
    """`decode_plainly` of version 2."""

    def number(start: int, length: int) -> int:
        return int.from_bytes(data[start : start + length], "big")

    assert number(36, 4) == zlib.crc32(data[:36])
    channels, stages, bits = data[5], data[6], data[7]
    assert number(28, 8) == 2**64 - 1
    codes: list[list[list[int]]] = [[[] for _ in range(stages)] for _ in range(channels)]
    start, index = after_tags_plainly(data), 0
    while frames := number(start, 2):
        length = -(-stages * channels * frames * bits // 8)
        payload = data[start + 6 : start + 6 + length]
        checked = index.to_bytes(4, "big") + data[start : start + 2] + payload
        assert number(start + 2, 4) == zlib.crc32(checked)
        add_payload(codes, payload, frames, bits)
        start, index = start + 6 + length, index + 1
    checked = index.to_bytes(4, "big") + data[start : start + 2] + data[start + 6 : start + 14]
    assert number(start + 2, 4) == zlib.crc32(checked)
    samples = -(-number(start + 6, 8) * number(20, 4) // number(16, 4))
    assert len(codes[0][0]) == (-(-samples // number(24, 2)) + 1 if samples else 0)
    assert start + 14 == len(data)
    return codes


def decode_variable_plainly(data: bytes) -> list[list[list[int]]]:
    """`decode_plainly` of version 3: -1 where a frame has no code."""

    def number(start: int, length: int) -> int:
        return int.from_bytes(data[start : start + length], "big")

    assert number(36, 4) == zlib.crc32(data[:36])
    channels, bits = data[5], data[7]
    assert channels * number(26, 2) * (64 * bits + 32) <= 65_534 * 8
    samples = -(-number(28, 8) * number(20, 4) // number(16, 4))
    left = -(-samples // number(24, 2)) + 1 if samples else 0
    columns: list[list[list[int]]] = [[] for _ in range(channels)]
    start, index = after_tags_plainly(data), 0
    while left:
        frames = min(left, number(26, 2))
        length = number(start, 2)
        assert 1 <= length <= 65_534
        payload = data[start + 6 : start + 6 + length]
        checked = index.to_bytes(4, "big") + data[start : start + 2] + payload
        assert number(start + 2, 4) == zlib.crc32(checked)
        found = columns_plainly(payload, channels, frames, bits)
        columns = [before + more for before, more in zip(columns, found, strict=True)]
        start, index, left = start + 6 + length, index + 1, left - frames
    assert start == len(data)
    deepest = max((len(column) for channel in columns for column in channel), default=1)
    return [
        [
            [column[stage] if stage < len(column) else -1 for column in channel]
            for stage in range(deepest)
        ]
        for channel in columns
    ]


def columns_plainly(payload: bytes, channels: int, frames: int, bits: int) -> list[list[list[int]]]:
    """The codes of each frame [C][F][stages of it] of a payload of version 3."""
    run = iter("".join(f"{byte:08b}" for byte in payload))

    def take(count: int) -> int:
        return int("0" + "".join(next(run) for _ in range(count)), 2)

    k = take(2)
    stages: list[list[int]] = []
    for _ in range(channels):
        row = [take(6) + 1]
        while 2 * len(row) < frames:
            high = 0
            while take(1):
                high += 1
            change = high * 2**k + take(k)
            row.append(row[-1] + ((change + 1) // 2 if change % 2 else -change // 2))
        assert all(1 <= number <= 64 for number in row)
        stages.append([row[frame // 2] for frame in range(frames)])
    columns: list[list[list[int]]] = [[[] for _ in range(frames)] for _ in range(channels)]
    for stage in range(64):
        for channel in range(channels):
            for frame in range(frames):
                if stage < stages[channel][frame]:
                    columns[channel][frame].append(take(bits))
    padding = list(run)
    assert len(padding) < 8
    assert "1" not in padding
    return columns


def after_tags_plainly(data: bytes) -> int:
    """Where the first chunk starts in a file of version 2 or 3."""
    if data[40:42] != b"\xff\xff":
        return 40
    stop = 48 + int.from_bytes(data[46:48], "big")
    assert int.from_bytes(data[42:46], "big") == zlib.crc32(b"\xff" * 6 + data[46:stop])
    return stop


def add_payload(codes: list[list[list[int]]], payload: bytes, frames: int, bits: int) -> None:
    """Append a chunk's codes."""
    run = "".join(f"{byte:08b}" for byte in payload)
    place = 0
    for stage in range(len(codes[0])):
        for channel in codes:
            for _ in range(frames):
                channel[stage].append(int(run[place : place + bits], 2))
                place += bits
    assert not run[place:].strip("0")
