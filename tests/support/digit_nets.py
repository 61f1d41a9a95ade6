"""Two small networks that learn the digits in seconds, and their export to ONNX.

Both end in logits: a softmax would not change which of them is the largest. Opset 17; the input is "image", its first axis "batch"; every
operator and tensor has a name.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from digits import enlarge
from numpy_layers import BatchNorm, Conv, Dense, Depthwise, Flatten, GlobalAverage, Layer, MaxPool, Relu
from onnx import TensorProto, helper, numpy_helper

BATCH = 32
LARGEST_STEP = 2e-3
OPSET, IR_VERSION = 17, 8


@dataclass
class Net:
    name: str
    layers: list[tuple[str, Layer]]
    times: int  # of the digits' pixels, and the margin around them: the net's input
    margin: int
    epochs: int
    cut: str  # the layer behind which the checks divide the net

    def inputs(self, images: np.ndarray) -> np.ndarray:
        """NCHW, what the net takes for digits of 8 x 8."""
        return enlarge(images, self.times, self.margin)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Logits (count, 10) of NCHW inputs."""
        x = x.transpose(0, 2, 3, 1)
        for _, layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, gradient: np.ndarray) -> None:
        for _, layer in reversed(self.layers):
            gradient = layer.backward(gradient)


def lenet(rng: np.random.Generator) -> Net:
    """`consort make lenet`, weights apart: LeNet-5 (LeCun et al. 1998) with rectifiers and largest values pooled. 32 x 32: a digit three times as
    large in the middle."""
    layers = [
        ("conv1", Conv(rng, 1, 6, 5)), ("relu1", Relu()), ("pool1", MaxPool()),
        ("conv2", Conv(rng, 6, 16, 5)), ("relu2", Relu()), ("pool2", MaxPool()), ("flatten", Flatten()),
        ("dense1", Dense(rng, 400, 120)), ("relu3", Relu()), ("dense2", Dense(rng, 120, 84)), ("relu4", Relu()), ("dense3", Dense(rng, 84, 10)),
    ]
    return Net("lenet", layers, times=3, margin=4, epochs=12, cut="pool1")


def separable(rng: np.random.Generator) -> Net:
    """As MobileNet v1 (Howard et al. 2017): depthwise, pointwise, each with batch norm and a rectifier up to 6. 8 x 8."""

    def block(kind: str, layer: Layer, channels: int) -> list[tuple[str, Layer]]:
        return [(kind, layer), (f"{kind}_norm", BatchNorm(channels)), (f"{kind}_relu", Relu(6))]

    layers = [
        *block("conv", Conv(rng, 1, 16, 3, pad=1, bias=False), 16),
        *block("depthwise1", Depthwise(rng, 16, 3, pad=1), 16), *block("pointwise1", Conv(rng, 16, 32, 1, bias=False), 32), ("pool1", MaxPool()),
        *block("depthwise2", Depthwise(rng, 32, 3, pad=1), 32), *block("pointwise2", Conv(rng, 32, 64, 1, bias=False), 64),
        ("average", GlobalAverage()), ("flatten", Flatten()), ("dense", Dense(rng, 64, 10)),
    ]
    return Net("separable", layers, times=1, margin=0, epochs=30, cut="pool1")


NETS = {"lenet": lenet, "separable": separable}


class Adam:
    """Kingma and Ba 2015, algorithm 1, with its default decay rates; changes the parameters in place."""

    FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, layers: list[Layer]):
        self.layers, self.steps = layers, 0
        self.moments = [[(np.zeros_like(p), np.zeros_like(p)) for p in layer.parameters] for layer in layers]

    def step(self, size: float) -> None:
        self.steps += 1
        size *= np.sqrt(1 - self.SECOND**self.steps) / (1 - self.FIRST**self.steps)
        for layer, moments in zip(self.layers, self.moments):
            for parameter, gradient, (first, second) in zip(layer.parameters, layer.gradients, moments):
                first += np.float32(1 - self.FIRST) * (gradient - first)
                second += np.float32(1 - self.SECOND) * (gradient * gradient - second)
                parameter -= np.float32(size) * first / (np.sqrt(second) + np.float32(self.EPSILON))


def loss_gradient(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of the mean cross-entropy of the softmax, by the logits."""
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    gradient = exponentials / exponentials.sum(1, keepdims=True)
    gradient[np.arange(labels.size), labels] -= 1
    return gradient / np.float32(labels.size)


def train(name: str, images: np.ndarray, labels: np.ndarray, seed: int) -> Net:
    """The net after its epochs over these digits; the step falls to 0 along half a cosine. The seed gives weights and order."""
    rng = np.random.default_rng(seed)
    net = NETS[name](rng)
    inputs = net.inputs(images)
    adam = Adam([layer for _, layer in net.layers])
    batches = -(-labels.size // BATCH)
    for epoch in range(net.epochs):
        for index, batch in enumerate(np.array_split(rng.permutation(labels.size), batches)):
            net.backward(loss_gradient(net.forward(inputs[batch], training=True), labels[batch]))
            progress = (epoch + index / batches) / net.epochs
            adam.step(LARGEST_STEP * (1 + np.cos(np.pi * progress)) / 2)
    return net


def to_onnx(net: Net) -> onnx.ModelProto:
    """image (batch, 1, side, side) to logits (batch, 10)."""
    nodes, tensors, source = [], {}, "image"
    for name, layer in net.layers:
        node, more = layer.node(name, source)
        nodes.append(node)
        tensors |= more
        source = node.output[0]
    nodes[-1].output[0] = "logits"
    side = 8 * net.times + 2 * net.margin
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, side, side])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])
    initializers = [numpy_helper.from_array(value, key) for key, value in tensors.items()]
    graph = helper.make_graph(nodes, net.name, [image], [logits], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="consort-tests")
    onnx.checker.check_model(model, full_check=True)
    return model
