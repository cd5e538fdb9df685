"""Packets over UDP, in RTP: one sender, one receiver."""

import secrets
import socket
import time
from typing import Any

from codec.errors import AudioError, CorruptError
from codec.live.jitter import JitterBuffer
from codec.live.rtp import RtpPacket, unpack_rtp

_MOST_BYTES = 2_048
_MOST_AT_ONCE = 100
"""Datagrams taken in one turn, so that a flood can't keep the sound waiting."""
_FORGET_S = 2.0
"""A sender that was silent for so long may be followed by another."""


class Sender:
    """Sends packets to one address.

    Args:
        samples: from one packet to the next, at the model's rate.

    Raises:
        AudioError: the address means no machine.
    """

    def __init__(self, host: str, port: int, samples: int) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        except OSError as error:
            raise AudioError(f"{host}:{port}: no such address ({error.strerror})") from error
        self._address: Any = found[4]
        self._socket = socket.socket(found[0], found[1])
        self._socket.setblocking(False)
        self._samples, self._source = samples, secrets.randbits(32)
        self._sequence, self._timestamp = secrets.randbits(16), secrets.randbits(32)
        self._resumes = True
        self.failed = 0
        """Packets that the network didn't take."""

    def send(self, payload: bytes, lost: bool = False) -> None:
        """Send the next packet, or count it as sent where it should get lost on the way.

        An empty one is no packet: nobody spoke.
        """
        if payload:
            packet = RtpPacket(
                self._sequence, self._timestamp, self._source, payload, marker=self._resumes
            )
            self._sequence += 1
            if not lost:
                try:
                    self._socket.sendto(packet.pack(), self._address)
                except OSError:
                    self.failed += 1
        self._resumes = not payload
        self._timestamp += self._samples

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()


class Receiver:
    """Takes packets from whoever sends first.

    Raises:
        AudioError: the port can't be had.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind(("", port))
        except OSError as error:
            self._socket.close()
            raise AudioError(f"port {port}: can't listen there ({error.strerror})") from error
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self._sender: tuple[object, int] | None = None
        self._last = 0.0
        self.num_refused = 0
        """Datagrams that are no packets, or another's than the sender's."""

    @property
    def quiet_s(self) -> float:
        """Seconds since the last packet; 0 before the first."""
        return time.monotonic() - self._last if self._sender else 0.0

    def drain(self, buffer: JitterBuffer) -> None:
        """Put what has come into the buffer."""
        for _ in range(_MOST_AT_ONCE):
            try:
                data, address = self._socket.recvfrom(_MOST_BYTES)
                packet = unpack_rtp(data)
            except CorruptError:
                self.num_refused += 1
                continue
            except OSError:  # nothing more is there
                return
            if self._sender is None or self.quiet_s > _FORGET_S:
                self._sender = (address, packet.source)
            if self._sender != (address, packet.source):
                self.num_refused += 1
                continue
            self._last = time.monotonic()
            buffer.put(packet.sequence, packet.payload)

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()
