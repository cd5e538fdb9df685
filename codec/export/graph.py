"""An ONNX graph put together node by node, with a checkpoint's weights at hand."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
"""The first with LayerNormalization."""
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
_IR_VERSION = 8
"""What was current with that opset; runtimes refuse later ones than they know."""


class Graph:
    """Nodes in the order in which they run. Values are known by their names."""

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def __call__(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; the name of what it gives."""
        name = f"{op}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, list(inputs), [name], name, **attributes))
        return name

    def split(self, x: str, count: int) -> list[str]:
        """Equal parts of the last axis."""
        names = [f"Split_{len(self._nodes)}_{part}" for part in range(count)]
        self._nodes.append(helper.make_node("Split", [x], names, names[0], axis=-1))
        return names

    def has(self, name: str) -> bool:
        """Whether the checkpoint holds that weight."""
        return name in self._weights

    def raw(self, name: str) -> np.ndarray:
        """A weight of the checkpoint in float32."""
        return np.asarray(self._weights[name], np.float32)

    def weight(self, name: str) -> str:
        """A weight of the checkpoint, as it is."""
        return self.constant(self.raw(name), name)

    def constant(self, value: np.ndarray, name: str = "") -> str:
        """An array that belongs to the graph."""
        name = name or f"constant_{len(self._constants)}"
        if name not in self._constants:
            array = np.ascontiguousarray(value)
            self._constants[name] = numpy_helper.from_array(array, name)
        return name

    def number(self, value: float) -> str:
        """A float32 constant."""
        return self.constant(np.asarray(value, np.float32), f"number_{value!r}")

    def integers(self, *values: int) -> str:
        """A constant list of integers."""
        return self.constant(np.array(values, np.int64), "integers_" + "_".join(map(str, values)))

    def model(
        self,
        name: str,
        inputs: Mapping[str, tuple[int, list[str | int]]],
        outputs: Mapping[str, tuple[str, int, list[str | int]]],
        about: Mapping[str, str],
    ) -> bytes:
        """The whole as a file.

        Args:
            inputs: type and shape by name.
            outputs: the value's name in the graph, type and shape, by the name to give it.
            about: what stands in the model's metadata.
        """
        nodes = list(self._nodes)
        for public, (private, _, _) in outputs.items():
            nodes.append(helper.make_node("Identity", [private], [public], f"output_{public}"))
        graph = helper.make_graph(
            nodes,
            name,
            [helper.make_tensor_value_info(key, *value) for key, value in inputs.items()],
            [helper.make_tensor_value_info(key, *value[1:]) for key, value in outputs.items()],
            list(self._constants.values()),
        )
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="nsvq")
        model.ir_version = _IR_VERSION
        helper.set_model_props(model, dict(about))
        onnx.checker.check_model(model)
        data: bytes = model.SerializeToString()
        return data
