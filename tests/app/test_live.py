"""`nsvq live`: recordings through packets, on one machine and over UDP, paced by the clock."""

import json
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

from app.live.call import Call, Listening, Talking
from app.live.keys import keyboard, pressed
from app.live.network import Receiver, Sender
from app.live.sound import microphone
from codec import Codec
from codec.audio import to_pcm16
from codec.backends.torch_checkpoint import save_checkpoint
from codec.backends.torch_model import CodecModel
from codec.config import ModelConfig
from codec.errors import AudioError, CorruptError
from codec.live.jitter import JitterBuffer
from codec.live.rtp import RtpPacket, unpack_rtp
from tests.app.conftest import Nsvq

NSVQ = [sys.executable, "-m", "app"]


@pytest.fixture
def said(tmp_path: Path) -> Path:
    """A second of noise at 16 kHz."""
    wave = 0.1 * np.random.default_rng(0).standard_normal(16_000)
    soundfile.write(tmp_path / "said.wav", wave, 16_000, "PCM_16")
    return tmp_path / "said.wav"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_one_machine_hears_what_the_codec_makes(
    nsvq: Nsvq, said: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    options = ("--checkpoint", toy_checkpoint, "--fast", "--bitrate", "0.6")
    heard = tmp_path / "heard.wav"
    result = nsvq("live", "--input", said, "--output", heard, *options)
    assert result.exit_code == 0, result.stderr
    assert "0.8 kbps, 51 packets sent, 0.0 % lost" in result.stdout
    codec = Codec.load(toy_checkpoint, block_frames=1)
    wave = soundfile.read(said, dtype="float32")[0]
    expected = codec.decode(codec.encode(wave[None], 16_000, 0.6))
    found = soundfile.read(heard, dtype="int16")[0]
    np.testing.assert_array_equal(found, to_pcm16(np.clip(expected[0], -1.0, 1.0)))
    again = nsvq("live", "--input", said, "--output", heard, *options)
    assert (again.exit_code, len(again.stderr.splitlines())) == (1, 1)


def test_packets_may_be_of_all_lengths(
    nsvq: Nsvq, said: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    options = ("--checkpoint", toy_checkpoint, "--fast", "--bitrate", "0.6", "--vbr")
    result = nsvq("live", "--input", said, "--output", tmp_path / "heard.wav", *options)
    assert result.exit_code == 0, result.stderr
    assert "51 packets sent, 0.0 % lost" in result.stdout
    assert soundfile.info(tmp_path / "heard.wav").frames > 0


def test_the_clock_paces_and_packets_get_lost(
    nsvq: Nsvq, said: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    options = ("--checkpoint", toy_checkpoint, "--loss", "20", "--json", "--seconds", "0.8")
    start = time.monotonic()
    result = nsvq("live", "--input", said, "--output", tmp_path / "b.flac", *options)
    assert time.monotonic() - start >= 0.75
    facts = json.loads(result.stdout)
    assert facts["seconds"] == pytest.approx(0.8)
    assert 0 < facts["dropped_packets"] == facts["concealed_packets"] < facts["sent_packets"]
    assert facts["delay_ms"] == pytest.approx(Codec.load(toy_checkpoint).config.delay_ms)


def test_two_processes_talk_over_udp(said: Path, toy_checkpoint: Path, tmp_path: Path) -> None:
    port, heard = free_port(), tmp_path / "heard.wav"
    options = ["--checkpoint", str(toy_checkpoint), "--json"]
    listen = [*NSVQ, "live", "--listen", str(port), "--output", str(heard), *options]
    talk = [*NSVQ, "live", "--to", f"127.0.0.1:{port}", "--input", str(said), *options]
    with subprocess.Popen(listen, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob(".heard*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        sent = subprocess.run(talk, capture_output=True, text=True, timeout=240, check=True)
        told, _ = process.communicate(timeout=240)
    received = json.loads(told)
    assert json.loads(sent.stdout)["sent_packets"] == 51
    assert received["received_packets"] == 51
    assert received["refused_packets"] == 0
    assert soundfile.info(heard).frames >= 45 * 320


def test_datagrams_from_anywhere() -> None:
    source, buffer, receiver = random.Random(0), JitterBuffer(), Receiver(free_port())
    sender = Sender("127.0.0.1", receiver.port, 320)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            sender.send(b"first")
            time.sleep(0.05)
            receiver.drain(buffer)
            for _ in range(90):
                data = source.randbytes(source.randrange(40))
                other.sendto(
                    source.choice([data, b"\x80\x60" + data]), ("127.0.0.1", receiver.port)
                )
            sender.send(b"second")
            time.sleep(0.05)
            receiver.drain(buffer)
    finally:
        sender.close()
        receiver.close()
    assert (buffer.counts.received, len(buffer)) == (2, 2)
    assert receiver.num_refused == 90


def test_rtp_headers_of_others() -> None:
    packet = RtpPacket(65_535, 2**32 - 1, 7, b"codes", marker=True)
    assert unpack_rtp(packet.pack()) == packet
    plain = packet.pack()
    listed = bytes([0x81, *plain[1:12], 0, 0, 0, 9]) + plain[12:]
    extended = bytes([0x90, *plain[1:12], 0, 0, 0, 1, 1, 2, 3, 4]) + plain[12:]
    padded = bytes([0xA0, *plain[1:]]) + b"\0\0\3"
    for data in (listed, extended, padded):
        assert unpack_rtp(data).payload == b"codes"
    wrong = [b"", plain[:11], b"\x40" + plain[1:], b"\x80\0" + plain[2:], b"\x9f" + plain[1:]]
    for data in (*wrong, b"\xa0" + plain[1:-1] + b"\xff"):
        with pytest.raises(CorruptError):
            unpack_rtp(data)


def test_any_datagram_is_a_packet_or_refused() -> None:
    source = random.Random(0)
    for _ in range(5_000):
        data = source.choice([b"", b"\x80\x60", b"\x90\x60"]) + source.randbytes(
            source.randrange(60)
        )
        try:
            assert len(unpack_rtp(data).payload) <= len(data)
        except CorruptError:
            continue


def test_keys_change_rate_and_loss(toy_checkpoint: Path) -> None:
    codec = Codec.load(toy_checkpoint)
    waves = (np.zeros(320, np.float32) for _ in range(10_000))
    talking = Talking(waves, codec.encoder(16_000, num_stages=2))
    keys = iter(["+", "+++", "-", "-----", "llll", "kk", "x", "q"])
    seen = []

    def press() -> str:
        seen.append((talking.encoder.num_stages, talking.loss))
        return next(keys)

    call = Call(talking, Listening(codec.decoder(16_000)), 0.02, paced=False, keys=press)
    assert all(np.abs(wave).max() <= 1.0 for wave in call.blocks())
    assert len(seen) == 8
    assert [loss for _, loss in seen] == [0.0] * 5 + [0.2, 0.1, 0.1]
    assert [stages for stages, _ in seen] == [2, 4, 4, 2, 1, 1, 1, 1]  # three would fill no byte


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals here")
def test_keys_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "r") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        with keyboard() as descriptor:
            assert pressed(descriptor) == ""
            os.write(ours, b"l+")
            time.sleep(0.05)
            assert pressed(descriptor) == "l+"
    os.close(ours)
    assert pressed(None) == ""


@pytest.mark.parametrize(
    ("options", "exit_code", "says"),
    [
        ("--fast", 2, "--fast goes with --input"),
        ("--to nowhere", 2, "HOST:PORT"),
        ("--to 127.0.0.1:5004 --output x.wav --input {said}", 2, "nothing to write"),
        ("--input {said} --output x.mp3", 2, "expected .wav or .flac"),
        ("--input missing.wav --output {out}", 1, "missing.wav: no such file"),
        ("--input {said} --output {out} --bitrate 0.1", 1, "below the lowest"),
        ("--input {said} --output {out} --copies 3:2", 1, "expected at least 6 stages"),
        ("--input {said} --output {out} --loss 50 --burst 1 --seconds 0.02", 0, ""),
        ("--to no-such-host.invalid:5004 --input {said}", 1, "no such address"),
    ],
)
def test_wrong_usage(
    nsvq: Nsvq,
    said: Path,
    toy_checkpoint: Path,
    tmp_path: Path,
    options: str,
    exit_code: int,
    says: str,
) -> None:
    words = options.format(said=said, out=tmp_path / "x.wav").split()
    result = nsvq("live", *words, "--checkpoint", toy_checkpoint)
    assert result.exit_code == exit_code, result.output
    assert says in result.stderr
    assert len(result.stderr.splitlines()) <= 1


def test_a_port_that_is_taken(nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("", 0))
        port = taken.getsockname()[1]
        with pytest.raises(AudioError, match="can't listen"):
            Receiver(port)


class PortAudioError(Exception):
    """As in sounddevice."""


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module like sounddevice whose microphone gives half a second of noise, then breaks."""
    module: Any = ModuleType("sounddevice")
    module.played, module.read, module.blocks = [], [], []
    module.PortAudioError = PortAudioError
    source = np.random.default_rng(0)

    class Stream:
        def __init__(self, samplerate: int, channels: int, blocksize: int = 0) -> None:
            assert (samplerate, channels) == (16_000, 1)
            module.blocks.append(blocksize)
            self.left = 25

        def __enter__(self) -> "Stream":
            return self

        def __exit__(self, *error: object) -> None:
            """Nothing to close."""

        def read(self, count: int) -> tuple[np.ndarray, bool]:
            self.left -= 1
            module.read.append(count)
            if not self.left:
                raise KeyboardInterrupt
            return (0.1 * source.standard_normal((count, 1))).astype(np.float32), False

        def write(self, block: np.ndarray) -> None:
            module.played.append(block)

    module.InputStream = module.OutputStream = Stream
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


def test_microphone_and_headphones(nsvq: Nsvq, device: Any, toy_checkpoint: Path) -> None:
    result = nsvq("live", "--checkpoint", toy_checkpoint, "--json")
    assert result.exit_code == 0, result.stderr  # Ctrl-C ends it
    facts = json.loads(result.stdout)
    played = np.concatenate(device.played)
    assert played.dtype == np.float32
    assert 0.2 * 16_000 < len(played) <= 24 * 320
    assert facts["heard_packets"] == facts["sent_packets"] > 0
    assert set(device.read) == {320}


def test_the_microphone_gives_what_a_frame_known_early_needs(
    nsvq: Nsvq, device: Any, tmp_path: Path
) -> None:
    config = ModelConfig(
        trunk_width=16, latent_width=8, num_stages=2, codebook_size=16, overlap=80,
        encoder_lookahead=(0,), decoder_lookahead=(0,),
    )  # fmt: skip
    save_checkpoint(tmp_path / "early.safetensors", CodecModel(config))
    result = nsvq("live", "--checkpoint", tmp_path / "early.safetensors", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["delay_ms"] == 25.0
    assert device.read == [80] + 24 * [320]
    assert device.blocks == [0, 80]  # headphones, microphone


def test_blocks_of_the_microphone_are_never_tiny(device: Any) -> None:
    waves = microphone(device, 16_000, 0.02, 1 / 16_000)
    assert [len(next(waves)) for _ in range(3)] == [1, 320, 320]
    assert device.blocks == [80]
    waves.close()


def test_without_the_extra(
    nsvq: Nsvq, monkeypatch: pytest.MonkeyPatch, toy_checkpoint: Path
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    result = nsvq("live", "--checkpoint", toy_checkpoint)
    assert result.exit_code == 1
    assert "pip install 'nsvq-codec[live]'" in result.stderr
