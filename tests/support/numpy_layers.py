"""Layers of small image classifiers in NumPy: what they compute, their gradients, and their ONNX operators.

Activations are float32 in the order NHWC, where a convolution over k x k taps is one matrix product; ONNX has NCHW. A layer remembers its last
input in training, so that one layer belongs to one net and one thread.
"""

import numpy as np
from onnx import NodeProto, helper

Tensors = dict[str, np.ndarray]


class Layer:
    """`parameters` are trained in place; `gradients` holds as many arrays of their shapes after `backward`."""

    def __init__(self):
        self.parameters: list[np.ndarray] = []
        self.gradients: list[np.ndarray] = []

    def forward(self, x: np.ndarray, training: bool) -> np.ndarray:
        raise NotImplementedError

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """Of the loss by the output, to that by the input of the last `forward` in training."""
        raise NotImplementedError

    def node(self, name: str, source: str) -> tuple[NodeProto, Tensors]:
        """The operator `name` that reads `source` and makes `name`_out, with its initializers."""
        raise NotImplementedError


def he_normal(rng: np.random.Generator, shape: tuple[int, ...], inputs: int) -> np.ndarray:
    """He, Zhang, Ren, Sun 2015, equation 10: keeps the variance through rectifiers."""
    return (rng.standard_normal(shape) * np.sqrt(2 / inputs)).astype(np.float32)


def operator(kind: str, name: str, source: str, tensors: Tensors, **attributes) -> tuple[NodeProto, Tensors]:
    named = {f"{name}_{key}": np.asarray(value, np.float32, order="C") for key, value in tensors.items()}
    return helper.make_node(kind, [source, *named], [f"{name}_out"], name, **attributes), named


class Windows:
    """The k x k taps around every pixel of an NHWC tensor, stride 1, `pad` zeros around."""

    def __init__(self, size: int, pad: int):
        self.size, self.pad = size, pad
        self.taps = [(row, column) for row in range(size) for column in range(size)]

    def of(self, x: np.ndarray) -> list[np.ndarray]:
        """A view for each tap, in the shape of the output."""
        padded = np.pad(x, ((0, 0), (self.pad, self.pad), (self.pad, self.pad), (0, 0))) if self.pad else x
        height, width = (side - self.size + 1 for side in padded.shape[1:3])
        return [padded[:, row : row + height, column : column + width] for row, column in self.taps]

    def scatter(self, parts, shape: tuple[int, ...]) -> np.ndarray:
        """The sum of the taps' gradients at the pixels that they were taken from."""
        count, height, width, channels = shape
        padded = np.zeros((count, height + 2 * self.pad, width + 2 * self.pad, channels), np.float32)
        rows, columns = padded.shape[1] - self.size + 1, padded.shape[2] - self.size + 1
        for (row, column), part in zip(self.taps, parts):
            padded[:, row : row + rows, column : column + columns] += part
        return padded[:, self.pad : self.pad + height, self.pad : self.pad + width]


class Conv(Layer):
    """k x k filters over all channels; without a bias where a BatchNorm follows."""

    def __init__(self, rng: np.random.Generator, channels: int, filters: int, size: int, pad: int = 0, bias: bool = True):
        super().__init__()
        self.windows = Windows(size, pad)
        self.weight = he_normal(rng, (size * size * channels, filters), size * size * channels)
        self.parameters = [self.weight] + ([np.zeros(filters, np.float32)] if bias else [])

    def forward(self, x, training):
        columns = np.stack(self.windows.of(x), axis=3)  # (count, height, width, taps, channels)
        flat = columns.reshape(-1, self.weight.shape[0])
        if training:
            self.shape, self.columns = x.shape, flat
        y = flat @ self.weight + (self.parameters[1] if len(self.parameters) > 1 else np.float32(0))
        return y.reshape(*columns.shape[:3], -1)

    def backward(self, gradient):
        flat = gradient.reshape(-1, gradient.shape[-1])
        self.gradients = [self.columns.T @ flat, flat.sum(0)][: len(self.parameters)]
        taps = (flat @ self.weight.T).reshape(*gradient.shape[:3], self.windows.size**2, -1)
        return self.windows.scatter(np.moveaxis(taps, 3, 0), self.shape)

    def node(self, name, source):
        size, pad = self.windows.size, self.windows.pad
        weight = self.weight.reshape(size, size, -1, self.weight.shape[1]).transpose(3, 2, 0, 1)
        tensors = {"weight": weight} | ({"bias": self.parameters[1]} if len(self.parameters) > 1 else {})
        return operator("Conv", name, source, tensors, kernel_shape=[size, size], pads=[pad] * 4)


class Depthwise(Layer):
    """One k x k filter for each channel, no bias."""

    def __init__(self, rng: np.random.Generator, channels: int, size: int, pad: int):
        super().__init__()
        self.windows = Windows(size, pad)
        self.weight = he_normal(rng, (size * size, channels), size * size)
        self.parameters = [self.weight]

    def forward(self, x, training):
        taps = self.windows.of(x)
        if training:
            self.shape, self.taps = x.shape, taps
        return sum(tap * weight for tap, weight in zip(taps, self.weight))

    def backward(self, gradient):
        self.gradients = [np.stack([np.einsum("nhwc,nhwc->c", tap, gradient) for tap in self.taps])]
        return self.windows.scatter((gradient * weight for weight in self.weight), self.shape)

    def node(self, name, source):
        size, channels, pad = self.windows.size, self.weight.shape[1], self.windows.pad
        weight = self.weight.T.reshape(channels, 1, size, size)
        return operator("Conv", name, source, {"weight": weight}, kernel_shape=[size, size], pads=[pad] * 4, group=channels)


class BatchNorm(Layer):
    """Per channel. What it has seen is averaged with a share of 0.9 for the past."""

    EPSILON, PAST = 1e-5, np.float32(0.9)

    def __init__(self, channels: int):
        super().__init__()
        self.parameters = [np.ones(channels, np.float32), np.zeros(channels, np.float32)]
        self.mean, self.variance = np.zeros(channels, np.float32), np.ones(channels, np.float32)

    def forward(self, x, training):
        if not training:
            return (x - self.mean) / np.sqrt(self.variance + self.EPSILON) * self.parameters[0] + self.parameters[1]
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        self.mean = self.PAST * self.mean + (1 - self.PAST) * mean
        self.variance = self.PAST * self.variance + (1 - self.PAST) * variance
        self.deviation = np.sqrt(variance + self.EPSILON)
        self.normal = (x - mean) / self.deviation
        return self.normal * self.parameters[0] + self.parameters[1]

    def backward(self, gradient):
        """Ioffe and Szegedy 2015, section 3, with the sums over the batch written as means."""
        self.gradients = [np.einsum("nhwc,nhwc->c", gradient, self.normal), gradient.sum((0, 1, 2))]
        count = gradient.size // gradient.shape[-1]
        along, shift = (total / count for total in self.gradients)
        return self.parameters[0] / self.deviation * (gradient - shift - self.normal * along)

    def node(self, name, source):
        tensors = {"scale": self.parameters[0], "shift": self.parameters[1], "mean": self.mean, "variance": self.variance}
        return operator("BatchNormalization", name, source, tensors, epsilon=self.EPSILON)


class Relu(Layer):
    """Up to `ceiling`, where one is given (6 in MobileNets)."""

    def __init__(self, ceiling: float | None = None):
        super().__init__()
        self.ceiling = ceiling

    def forward(self, x, training):
        if training:
            self.passes = (x > 0) if self.ceiling is None else (x > 0) & (x < self.ceiling)
        return np.clip(x, np.float32(0), None if self.ceiling is None else np.float32(self.ceiling))

    def backward(self, gradient):
        return gradient * self.passes

    def node(self, name, source):
        if self.ceiling is None:
            return operator("Relu", name, source, {})
        return operator("Clip", name, source, {"low": np.float32(0), "high": np.float32(self.ceiling)})


class MaxPool(Layer):
    """2 x 2, stride 2; sides are even."""

    def forward(self, x, training):
        count, height, width, channels = x.shape
        blocks = x.reshape(count, height // 2, 2, width // 2, 2, channels)
        y = blocks.max(axis=(2, 4))
        if training:
            largest = blocks == y[:, :, None, :, None]
            self.shape, self.shares = x.shape, largest / largest.sum(axis=(2, 4), keepdims=True, dtype=np.float32)
        return y

    def backward(self, gradient):
        return (self.shares * gradient[:, :, None, :, None]).reshape(self.shape)

    def node(self, name, source):
        return operator("MaxPool", name, source, {}, kernel_shape=[2, 2], strides=[2, 2])


class GlobalAverage(Layer):
    def forward(self, x, training):
        self.shape = x.shape
        return x.mean((1, 2), keepdims=True)

    def backward(self, gradient):
        return np.broadcast_to(gradient / (self.shape[1] * self.shape[2]), self.shape)

    def node(self, name, source):
        return operator("GlobalAveragePool", name, source, {})


class Flatten(Layer):
    """In the order of NCHW, as ONNX has it."""

    def forward(self, x, training):
        self.shape = x.shape
        return x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)

    def backward(self, gradient):
        count, height, width, channels = self.shape
        return gradient.reshape(count, channels, height, width).transpose(0, 2, 3, 1)

    def node(self, name, source):
        return operator("Flatten", name, source, {})


class Dense(Layer):
    def __init__(self, rng: np.random.Generator, inputs: int, units: int):
        super().__init__()
        self.parameters = [he_normal(rng, (inputs, units), inputs), np.zeros(units, np.float32)]

    def forward(self, x, training):
        self.x = x
        return x @ self.parameters[0] + self.parameters[1]

    def backward(self, gradient):
        self.gradients = [self.x.T @ gradient, gradient.sum(0)]
        return gradient @ self.parameters[0].T

    def node(self, name, source):
        return operator("Gemm", name, source, {"weight": self.parameters[0].T, "bias": self.parameters[1]}, transB=1)
