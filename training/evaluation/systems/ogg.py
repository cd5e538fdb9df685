"""What an Ogg file holds beyond its pages: the packets' bytes, so that container cost can be told.

page    "OggS" . version . flags . position 8 . serial 4 . number 4 . checksum 4 . S . S sizes
        then the packets' bytes; a size of 255 says that the packet goes on in the next size
"""

from codec.errors import EvaluationError

_PAGE_HEADER = 27


def packet_sizes(data: bytes) -> list[int]:
    """Bytes of every packet of a one-stream Ogg file, header packets first.

    Raises:
        EvaluationError: not Ogg, or cut off.
    """
    sizes, open_packet, position = [], 0, 0
    while position < len(data):
        if data[position : position + 4] != b"OggS" or position + _PAGE_HEADER > len(data):
            raise EvaluationError(f"no Ogg page at byte {position}")
        num_sizes = data[position + _PAGE_HEADER - 1]
        start = position + _PAGE_HEADER
        laces = data[start : start + num_sizes]
        for lace in laces:
            open_packet += lace
            if lace < 255:
                sizes.append(open_packet)
                open_packet = 0
        position = start + num_sizes + sum(laces)
    if position != len(data):
        raise EvaluationError("the Ogg file is cut off")
    return sizes


def payload_bytes(data: bytes, num_headers: int = 2) -> int:
    """Bytes of all packets but the first `num_headers` (Opus and Speex: identity and comments)."""
    return sum(packet_sizes(data)[num_headers:])
