"""Mutated ONNX and TensorFlow Lite models."""

import copy
import os
from collections.abc import Callable
from pathlib import Path

import make_tflite
import numpy as np
import onnx
from consort_cli import MODELS
from onnx import AttributeProto, TensorProto, helper, numpy_helper
from workshop import ANY, Workshop, identity_model, small_input, small_model

FLIP_MAY_BE_HARMLESS = "a flipped bit may fall into a weight, a name or a default that nothing depends on"
HUGE = 1 << 62


def truncations(shop: Workshop, count: int) -> None:
    """Files cut off at evenly spread offsets: at none is the rest a whole model."""
    sources = {
        "small": (small_model().SerializeToString(), count),
        "squeezenet": ((MODELS / "light" / "squeezenet.onnx").read_bytes(), count // 4),
        "silero_vad": ((MODELS / "silero_vad.onnx").read_bytes(), count // 4),
    }
    for source, (data, pieces) in sources.items():
        for piece in range(pieces):
            offset = len(data) * piece // pieces
            shop.inspect(f"truncated_{source}_{offset}", data[:offset])


def byte_flips(shop: Workshop, count: int) -> None:
    """One bit changed somewhere in a small model: among its structure, not only its weights."""
    rng = np.random.Generator(np.random.PCG64(17))
    data = small_model().SerializeToString()
    for index in range(count):
        offset, bit = int(rng.integers(len(data))), int(rng.integers(8))
        flipped = bytearray(data)
        flipped[offset] ^= 1 << bit
        shop.run(f"flip_{index}_at_{offset}_bit_{bit}", bytes(flipped), codes=ANY, harmless=FLIP_MAY_BE_HARMLESS)


def junk(shop: Workshop) -> None:
    """Files that never were models, and paths that are no files."""
    rng = np.random.Generator(np.random.PCG64(23))
    shop.inspect("empty_file", b"")
    shop.inspect("text_file", b"This is not a model.\n" * 40)
    shop.inspect("random_bytes", rng.bytes(4096))
    shop.inspect("zeros", bytes(4096))
    shop.inspect("npy_as_model", b"\x93NUMPY\x01\x00v\x00")
    shop.inspect("endless_varint", b"\xff" * 4096)
    shop.inspect("nested_messages", b"\x3a\xff\xff\xff\xff\x07" * 200)
    shop.add("model_missing", ["inspect", shop.folder / "no_such.onnx"], mentions=("no_such.onnx",))
    shop.add("model_is_folder", ["inspect", shop.folder_of("model_is_folder")], mentions=("model_is_folder",))
    shop.add("model_is_dev_zero", ["inspect", "/dev/zero"], mentions=("/dev/zero", "zero"))
    fifo = shop.folder_of("model_is_fifo") / "model.onnx"
    os.mkfifo(fifo)
    shop.add("model_is_fifo", ["inspect", fifo], mentions=("model.onnx",))
    dangling = shop.folder_of("model_is_dangling_link") / "model.onnx"
    dangling.symlink_to("nowhere.onnx")
    shop.add("model_is_dangling_link", ["inspect", dangling], mentions=("model.onnx",))
    shop.add("model_name_too_long", ["inspect", shop.folder / ("x" * 4000)], mentions=("xxx",))
    shop.add("no_model_given", ["run"], mentions=("--model", "model"))


# --- Structure ----------------------------------------------------------------------------------------------------------


def node(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(n for n in model.graph.node if n.name == name)


def weight(model: onnx.ModelProto, name: str) -> TensorProto:
    return next(t for t in model.graph.initializer if t.name == name)


def set_dims(tensor: TensorProto, dims: list[int]) -> None:
    del tensor.dims[:]
    tensor.dims.extend(dims)


def set_port(port: onnx.ValueInfoProto, dims: list[int]) -> None:
    port.CopyFrom(helper.make_tensor_value_info(port.name, port.type.tensor_type.elem_type, dims))


def drop_weight(model: onnx.ModelProto, name: str) -> None:
    model.graph.initializer.remove(weight(model, name))


def add_node(model: onnx.ModelProto, *arguments, **attributes) -> None:
    model.graph.node.append(helper.make_node(*arguments, **attributes))


def cyclic(model: onnx.ModelProto) -> None:
    node(model, "conv").input[0] = "r"


def long_cycle(model: onnx.ModelProto) -> None:
    node(model, "relu").input[0] = "f"


def function_calls_itself(model: onnx.ModelProto) -> None:
    body = [helper.make_node("Again", ["a"], ["b"], domain="own")]
    model.functions.append(helper.make_function("own", "Again", ["a"], ["b"], body, [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]))
    model.opset_import.append(helper.make_opsetid("own", 1))
    node(model, "relu").op_type, node(model, "relu").domain = "Again", "own"


def functions_call_each_other(model: onnx.ModelProto) -> None:
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    for name, other in (("Ping", "Pong"), ("Pong", "Ping")):
        body = [helper.make_node(other, ["a"], ["b"], domain="own")]
        model.functions.append(helper.make_function("own", name, ["a"], ["b"], body, imports))
    model.opset_import.append(helper.make_opsetid("own", 1))
    node(model, "relu").op_type, node(model, "relu").domain = "Ping", "own"


def functions_double(model: onnx.ModelProto) -> None:
    """Thirty functions, each calling the next twice: inlined, 2^30 nodes."""
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    for level in range(30):
        call = {"op_type": f"F{level + 1}", "domain": "own"} if level < 29 else {"op_type": "Relu"}
        body = [helper.make_node(inputs=["a"], outputs=["m"], **call), helper.make_node(inputs=["m"], outputs=["b"], **call)]
        model.functions.append(helper.make_function("own", f"F{level}", ["a"], ["b"], body, imports))
    model.opset_import.append(helper.make_opsetid("own", 1))
    node(model, "relu").op_type, node(model, "relu").domain = "F0", "own"


def deep_bodies(model: onnx.ModelProto) -> None:
    """If inside If, 300 deep."""
    inner = helper.make_graph([helper.make_node("Identity", ["c"], ["o"])], "b", [], [helper.make_tensor_value_info("o", 1, None)])
    for _ in range(300):
        branch = helper.make_node("If", ["cond"], ["o"], then_branch=inner, else_branch=inner.__class__())
        branch.attribute[1].g.CopyFrom(helper.make_graph([], "e", [], []))
        inner = helper.make_graph([branch], "b", [], [helper.make_tensor_value_info("o", 1, None)])
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "cond"))
    relu = node(model, "relu")
    relu.CopyFrom(helper.make_node("If", ["cond"], ["r"], name="relu", then_branch=inner, else_branch=inner))


def body_reads_nothing(model: onnx.ModelProto) -> None:
    """A branch that captures a tensor which does not exist."""
    branch = helper.make_graph([helper.make_node("Identity", ["absent"], ["o"])], "b", [], [helper.make_tensor_value_info("o", 1, None)])
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "cond"))
    node(model, "relu").CopyFrom(helper.make_node("If", ["cond"], ["r"], name="relu", then_branch=branch, else_branch=branch))


def both_data_fields(model: onnx.ModelProto) -> None:
    weight(model, "b").float_data.extend([0.0] * 6)


def raw_data_too_short(model: onnx.ModelProto) -> None:
    weight(model, "w").raw_data = weight(model, "w").raw_data[:-4]


def raw_data_too_long(model: onnx.ModelProto) -> None:
    weight(model, "w").raw_data += bytes(4)


def raw_data_odd(model: onnx.ModelProto) -> None:
    weight(model, "w").raw_data = weight(model, "w").raw_data[:-1]


def integer_weights(model: onnx.ModelProto) -> None:
    weight(model, "w").CopyFrom(numpy_helper.from_array(np.ones((6, 3, 3, 3), np.int64), "w"))


def string_weights(model: onnx.ModelProto) -> None:
    weight(model, "b").CopyFrom(helper.make_tensor("b", TensorProto.STRING, [6], [b"x"] * 6))


def dense_of_wrong_size(model: onnx.ModelProto) -> None:
    weight(model, "fc").CopyFrom(numpy_helper.from_array(np.ones((7, 4), np.float32), "fc"))


def sparse_out_of_range(model: onnx.ModelProto) -> None:
    values = numpy_helper.from_array(np.ones(2, np.float32), "b")
    indices = numpy_helper.from_array(np.int64([0, 1 << 40]), "i")
    drop_weight(model, "b")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [6]))


def attribute_of_wrong_type(model: onnx.ModelProto) -> None:
    pads = node(model, "conv").attribute[0]
    pads.CopyFrom(helper.make_attribute("pads", "many"))


def attribute_twice(model: onnx.ModelProto) -> None:
    node(model, "conv").attribute.append(helper.make_attribute("pads", [0, 0, 0, 0]))


def attribute_without_type(model: onnx.ModelProto) -> None:
    node(model, "conv").attribute[0].type = AttributeProto.UNDEFINED


def reference_outside_function(model: onnx.ModelProto) -> None:
    attribute = node(model, "conv").attribute[0]
    attribute.Clear()
    attribute.name, attribute.type, attribute.ref_attr_name = "pads", AttributeProto.INTS, "pads"


def huge_pads(model: onnx.ModelProto) -> None:
    node(model, "conv").attribute[0].CopyFrom(helper.make_attribute("pads", [1 << 40] * 4))


def negative_strides(model: onnx.ModelProto) -> None:
    node(model, "conv").attribute.append(helper.make_attribute("strides", [-1, 0]))


def zero_group(model: onnx.ModelProto) -> None:
    node(model, "conv").attribute.append(helper.make_attribute("group", 0))


def constant_bomb(model: onnx.ModelProto) -> None:
    """A constant of 2^42 elements made from two numbers, added to the output."""
    model.graph.initializer.append(numpy_helper.from_array(np.int64([1 << 21, 1 << 21]), "bomb_shape"))
    add_node(model, "ConstantOfShape", ["bomb_shape"], ["bomb"], name="bomb")
    add_node(model, "ReduceSum", ["bomb"], ["y2"], name="sum", keepdims=0)
    model.graph.output.append(helper.make_tensor_value_info("y2", 1, []))


def tile_bomb(model: onnx.ModelProto) -> None:
    """The input repeated 2^40 times."""
    model.graph.initializer.append(numpy_helper.from_array(np.int64([1 << 20, 1, 1 << 20, 1]), "repeats"))
    add_node(model, "Tile", ["x", "repeats"], ["tiled"], name="tile")
    add_node(model, "ReduceSum", ["tiled"], ["y2"], name="sum", keepdims=0)
    model.graph.output.append(helper.make_tensor_value_info("y2", 1, []))


def only(**nodes: list[str]) -> Callable[[onnx.ModelProto], None]:
    """Edits in place of lambdas: sets node inputs or outputs."""

    def edit(model: onnx.ModelProto) -> None:
        for key, values in nodes.items():
            name, _, side = key.partition("__")
            field = getattr(node(model, name), side)
            del field[:]
            field.extend(values)

    return edit


def rename_node(model: onnx.ModelProto) -> None:
    node(model, "relu").name = "conv"


def apply(model: onnx.ModelProto, *steps: Callable[[onnx.ModelProto], None]) -> onnx.ModelProto:
    for step in steps:
        step(model)
    return model


# (name, edit, what the message has to name)
STRUCTURE: list[tuple[str, Callable[[onnx.ModelProto], None], tuple[str, ...]]] = [
    ("cycle_of_two", cyclic, ("conv", "relu")),
    ("cycle_of_four", long_cycle, ("relu", "pool", "flatten")),
    ("cycle_of_one", only(relu__input=["r"]), ("relu",)),
    ("weight_missing", lambda m: drop_weight(m, "w"), ("'w'", "conv")),
    ("bias_missing", lambda m: drop_weight(m, "fcb"), ("fcb", "gemm")),
    ("all_weights_missing", lambda m: m.graph.ClearField("initializer"), ("conv", "'w'")),
    ("node_reads_nothing", only(gemm__input=["absent", "fc", "fcb"]), ("absent", "gemm")),
    ("tensor_made_twice", only(relu__output=["c"]), ("'c'", "relu", "conv")),
    ("tensor_made_from_weight", only(relu__output=["w"]), ("'w'", "relu")),
    ("node_writes_the_input", only(relu__output=["x"]), ("'x'", "relu")),
    ("weight_twice", lambda m: m.graph.initializer.append(copy.deepcopy(weight(m, "w"))), ("'w'",)),
    ("input_twice", lambda m: m.graph.input.append(copy.deepcopy(m.graph.input[0])), ("'x'",)),
    ("output_twice", lambda m: m.graph.output.append(copy.deepcopy(m.graph.output[0])), ("'y'",)),
    ("output_nobody_makes", lambda m: setattr(m.graph.output[0], "name", "nothing"), ("nothing",)),
    ("no_outputs", lambda m: m.graph.ClearField("output"), ("model.onnx",)),
    ("no_nodes", lambda m: m.graph.ClearField("node"), ("'y'", "model.onnx")),
    ("no_graph", lambda m: m.ClearField("graph"), ("model.onnx",)),
    ("no_opset", lambda m: m.ClearField("opset_import"), ("opset",)),
    ("opset_0", lambda m: setattr(m.opset_import[0], "version", 0), ("opset",)),
    ("opset_negative", lambda m: setattr(m.opset_import[0], "version", -5), ("opset",)),
    ("opset_999", lambda m: setattr(m.opset_import[0], "version", 999), ("opset",)),
    ("opset_twice", lambda m: m.opset_import.append(helper.make_opsetid("", 9)), ("opset",)),
    ("ir_0", lambda m: setattr(m, "ir_version", 0), ("IR", "ir_version")),
    ("ir_999", lambda m: setattr(m, "ir_version", 999), ("IR", "ir_version")),
    ("unknown_op", lambda m: setattr(node(m, "relu"), "op_type", "Releu"), ("relu", "Releu")),
    ("unknown_domain", lambda m: setattr(node(m, "relu"), "domain", "no.such"), ("relu", "no.such")),
    ("op_without_type", lambda m: setattr(node(m, "relu"), "op_type", ""), ("relu",)),
    ("op_without_inputs", only(conv__input=[]), ("conv",)),
    ("op_without_outputs", only(relu__output=[]), ("relu", "'r'")),
    ("op_with_too_many_inputs", only(relu__input=["c", "c", "c"]), ("relu",)),
    ("op_with_empty_output", only(conv__output=[""]), ("conv", "'c'", "relu")),
    ("weights_of_integers", integer_weights, ("conv", "'w'")),
    ("weights_of_strings", string_weights, ("conv", "'b'")),
    ("weights_of_unknown_type", lambda m: setattr(weight(m, "w"), "data_type", 99), ("'w'",)),
    ("weights_of_no_type", lambda m: setattr(weight(m, "w"), "data_type", 0), ("'w'",)),
    ("input_of_unknown_type", lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 99), ("'x'",)),
    ("input_without_type", lambda m: m.graph.input[0].ClearField("type"), ("'x'", "model.onnx")),
    ("data_too_short", raw_data_too_short, ("'w'",)),
    ("data_too_long", raw_data_too_long, ("'w'",)),
    ("data_not_whole_elements", raw_data_odd, ("'w'",)),
    ("data_in_two_fields", both_data_fields, ("'b'", "name: b")),
    ("data_absent", lambda m: weight(m, "w").ClearField("raw_data"), ("'w'",)),
    ("dims_negative", lambda m: set_dims(weight(m, "w"), [-6, 3, 3, 3]), ("'w'",)),
    ("dims_twice_negative", lambda m: set_dims(weight(m, "w"), [-6, -3, 3, 3]), ("'w'",)),
    ("dims_huge", lambda m: set_dims(weight(m, "w"), [HUGE, 3, 3, 3]), ("'w'",)),
    ("dims_overflow", lambda m: set_dims(weight(m, "w"), [1 << 32, 1 << 32, 1 << 32, 1]), ("'w'",)),
    ("dims_overflow_to_zero", lambda m: set_dims(weight(m, "w"), [1 << 32, 1 << 32]), ("'w'",)),
    ("dims_many", lambda m: set_dims(weight(m, "b"), [1] * 5000 + [6]), ("'b'", "conv")),
    ("dims_do_not_fit", dense_of_wrong_size, ("gemm", "'fc'")),
    ("input_dims_negative", lambda m: set_port(m.graph.input[0], [1, 3, -8, 8]), ("'x'",)),
    ("input_dims_huge", lambda m: set_port(m.graph.input[0], [1, 3, HUGE, HUGE]), ("'x'", "conv")),
    ("input_rank_wrong", lambda m: set_port(m.graph.input[0], [1, 3]), ("conv", "'x'")),
    ("input_channels_wrong", lambda m: set_port(m.graph.input[0], [1, 5, 8, 8]), ("conv",)),
    ("output_shape_wrong", lambda m: set_port(m.graph.output[0], [1, 99]), ("'y'", "gemm")),
    ("sparse_index_outside", sparse_out_of_range, ("'b'", "sparse")),
    ("attribute_of_wrong_type", attribute_of_wrong_type, ("conv", "pads")),
    ("attribute_twice", attribute_twice, ("conv", "pads")),
    ("attribute_without_type", attribute_without_type, ("conv", "pads")),
    ("attribute_refers_to_no_function", reference_outside_function, ("conv", "pads")),
    ("pads_huge", huge_pads, ("conv", "'c'")),
    ("strides_negative", negative_strides, ("conv",)),
    ("group_zero", zero_group, ("conv",)),
    ("function_calls_itself", function_calls_itself, ("Again",)),
    ("functions_call_each_other", functions_call_each_other, ("Ping", "Pong")),
    ("functions_double", functions_double, ("F0", "F1", "F2", "model.onnx")),
    ("bodies_300_deep", deep_bodies, ("model.onnx",)),
    ("body_reads_nothing", body_reads_nothing, ("absent",)),
    ("constant_of_16_tebibytes", constant_bomb, ("bomb", "'y2'", "sum")),
    ("tile_of_terabytes", tile_bomb, ("tile", "tiled", "sum")),
]

# Changes that leave a sound model: the program has to run it.
HARMLESS: list[tuple[str, Callable[[onnx.ModelProto], None], str]] = [
    ("node_name_twice", rename_node, "node names are only labels; Consort makes them unique"),
    ("node_without_name", lambda m: node(m, "relu").ClearField("name"), "node names are optional"),
    ("nodes_out_of_order", lambda m: m.graph.node.insert(0, m.graph.node.pop()), "the order is mended before an engine sees it"),
    ("unused_weight", lambda m: m.graph.initializer.append(numpy_helper.from_array(np.ones(3, np.float32), "spare")), "nothing reads it"),
    ("unused_opset", lambda m: m.opset_import.append(helper.make_opsetid("no.such", 1)), "no node uses that domain"),
    ("nan_weight", lambda m: weight(m, "b").CopyFrom(numpy_helper.from_array(np.full(6, np.nan, np.float32), "b")), "NaN is a number like others"),
    ("huge_metadata", lambda m: m.metadata_props.add(key="k", value="v" * 100000), "metadata is not read"),
]


def structure(shop: Workshop) -> None:
    for name, edit, mentions in STRUCTURE:
        shop.run(name, apply(small_model(), edit), mentions=mentions)
    for name, edit, reason in HARMLESS:
        shop.run(name, apply(small_model(), edit), codes=frozenset({0}), harmless=reason)


# --- External data ------------------------------------------------------------------------------------------------------


def with_external(entries: dict[str, str]) -> onnx.ModelProto:
    """The small model with the Gemm weights in another file, as `entries` describe it."""
    model = small_model()
    tensor = weight(model, "fc")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    return model


def external_data(shop: Workshop) -> None:
    payload = numpy_helper.to_array(weight(small_model(), "fc")).tobytes()
    size = str(len(payload))
    secret = shop.folder / "secret.bin"
    secret.write_bytes(payload)
    entries = {
        "parent": {"location": "../secret.bin"},
        "parent_twice": {"location": "sub/../../secret.bin"},
        "absolute": {"location": str(secret)},
        "link": {"location": "link.bin"},
        "link_folder": {"location": "linked/secret.bin"},
        "offset_beyond": {"location": "data.bin", "offset": "100000", "length": size},
        "offset_huge": {"location": "data.bin", "offset": str(2**63), "length": size},
        "offset_overflow": {"location": "data.bin", "offset": str(2**64 - 8), "length": size},
        "offset_negative": {"location": "data.bin", "offset": "-8", "length": size},
        "offset_text": {"location": "data.bin", "offset": "12x", "length": size},
        "length_huge": {"location": "data.bin", "length": str(2**62)},
        "length_short": {"location": "data.bin", "length": "8"},
        "length_negative": {"location": "data.bin", "length": "-1"},
        "length_beyond": {"location": "data.bin", "offset": "32", "length": size},
        "file_missing": {"location": "absent.bin"},
        "file_too_short": {"location": "short.bin"},
        "file_empty": {"location": "empty.bin"},
        "location_missing": {"offset": "0", "length": size},
        "location_empty": {"location": ""},
        "location_is_folder": {"location": "sub"},
        "location_is_dot": {"location": "."},
        "location_is_fifo": {"location": "fifo.bin"},
        "location_is_device": {"location": "zero.bin"},
        "location_with_nul": {"location": "data.bin\0.txt"},
        "location_too_long": {"location": "d" * 5000},
    }
    for name, entry in entries.items():
        case = f"external_{name}"
        folder = shop.folder_of(case)
        prepare_external_folder(folder, payload, secret)
        shop.run(case, with_external(entry), mentions=("'fc'", "fc"), forbidden=(str(secret),))
    good = "external_sound"
    prepare_external_folder(shop.folder_of(good), payload, secret)
    shop.run(good, with_external({"location": "data.bin", "offset": "0", "length": size}), codes=frozenset({0}), harmless="the data lies in the model's folder")


def prepare_external_folder(folder: Path, payload: bytes, secret: Path) -> None:
    (folder / "data.bin").write_bytes(payload)
    (folder / "short.bin").write_bytes(payload[:-4])
    (folder / "empty.bin").write_bytes(b"")
    (folder / "sub").mkdir(exist_ok=True)
    (folder / "link.bin").symlink_to(secret)
    (folder / "linked").symlink_to(secret.parent)
    (folder / "zero.bin").symlink_to("/dev/zero")
    os.mkfifo(folder / "fifo.bin")


# --- TensorFlow Lite ----------------------------------------------------------------------------------------------------


def tflite(shop: Workshop, count: int) -> None:
    folder = shop.folder_of("tflite_sources")
    make_tflite.write_all(folder)
    sound = (folder / "conv_int8_channels.tflite").read_bytes()
    options = {"file": "model.tflite", "device": "cpu@litert"}
    for piece in range(count):
        offset = len(sound) * piece // count
        shop.run(f"tflite_truncated_{offset}", sound[:offset], **options)
        shop.inspect(f"audit_truncated_{offset}", sound[:offset], "model.tflite", command="audit")
    rng = np.random.Generator(np.random.PCG64(29))
    for index in range(count):
        # The tables stand at the end of the file, the weights before them.
        offset, bit = len(sound) - 1 - int(rng.integers(1800)), int(rng.integers(8))
        flipped = bytearray(sound)
        flipped[offset] ^= 1 << bit
        shop.run(f"tflite_flip_{index}_at_{offset}_bit_{bit}", bytes(flipped), codes=ANY, harmless=FLIP_MAY_BE_HARMLESS, **options)
        shop.inspect(f"audit_flip_{index}_at_{offset}_bit_{bit}", bytes(flipped), "model.tflite", command="audit", codes=ANY, harmless=FLIP_MAY_BE_HARMLESS)
    shop.run("tflite_identifier_only", b"\x08\0\0\0TFL3" + bytes(64), **options)
    shop.run("tflite_root_outside", b"\xff\xff\xff\x7fTFL3" + sound[8:], **options)
    shop.run("tflite_other_identifier", sound[:4] + b"TFL9" + sound[8:], **options)
    shop.run("tflite_custom_op", (folder / "edgetpu_custom.tflite").read_bytes(), file="model.tflite", device="cpu@litert", mentions=("edgetpu-custom-op",),
             codes=frozenset({1, 3}), harmless="a sound model that this device cannot run: code 1 is right too")


def inputs_of_models(shop: Workshop) -> None:
    """Sound inputs that do not fit the model."""
    for name, value in {
        "rank": np.zeros((3, 8, 8), np.float32),
        "shape": np.zeros((1, 3, 8, 9), np.float32),
        "batch": np.zeros((2, 3, 8, 8), np.float32),
        "float64": small_input().astype(np.float64),
        "float16": small_input().astype(np.float16),
        "int64": small_input().astype(np.int64),
        "bool": small_input() > 0,
        "empty": np.zeros((0, 3, 8, 8), np.float32),
        "scalar": np.float32(1),
    }.items():
        path = shop.folder_of(f"input_wrong_{name}") / "input.npy"
        np.save(path, value)
        shop.run_with(f"input_wrong_{name}", "input.npy", path.read_bytes(), mentions=("'x'", "input.npy"))
