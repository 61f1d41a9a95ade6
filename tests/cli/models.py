"""Small models for the tests of the command line."""

import numpy
from onnx import TensorProto, helper, numpy_helper


def value(name, shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def save(path, nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def double(path, shape=(2, 3), dtype=TensorProto.FLOAT, names=("x", "y")):
    """y = x + x."""
    x, y = names
    node = helper.make_node("Add", [x, x], [y], "twice")
    return save(path, [node], [value(x, shape, dtype)], [value(y, shape, dtype)])


def subtract(path, shape=(4,)):
    """d = a - b: the order of the inputs shows."""
    node = helper.make_node("Sub", ["a", "b"], ["d"], "minus")
    return save(path, [node], [value("a", shape), value("b", shape)], [value("d", shape)])


def running_sum(path):
    """One step of a running sum: y = -(x + state), next = x + state."""
    nodes = [helper.make_node("Add", ["x", "state"], ["next"], "add"), helper.make_node("Neg", ["next"], ["y"], "negate")]
    return save(path, nodes, [value("x", [1, 2]), value("state", [1, 2])], [value("y", [1, 2]), value("next", [1, 2])])


def picture(path, shape=(1, 3, 4, 6)):
    """y = x, for images; a subtraction of zero, so that something is computed."""
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])
    node = helper.make_node("Sub", ["x", "zero"], ["y"], "pass")
    return save(path, [node], [value("x", shape)], [value("y", shape)], [zero])


def matmul(path, size=64):
    """y = x · w with seeded weights: enough sums for a precision to show."""
    weights = numpy.random.default_rng(0).standard_normal((size, size), numpy.float32)
    node = helper.make_node("MatMul", ["x", "w"], ["y"], "matmul")
    return save(path, [node], [value("x", (4, size))], [value("y", (4, size))], [numpy_helper.from_array(weights, "w")])
