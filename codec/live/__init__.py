"""Conversations: one packet for each frame, little delay, packets that get lost. See docs/live.md.

numpy only: never torch, no training, no sound card.
"""

from codec.live.decoder import PacketDecoder
from codec.live.encoder import PacketEncoder
from codec.live.packets import PacketFormat
from codec.live.redundancy import NONE, Redundancy
from codec.live.traces import LossTrace

__all__ = ["NONE", "LossTrace", "PacketDecoder", "PacketEncoder", "PacketFormat", "Redundancy"]
