"""Mutated tensors, archives, images and command lines."""

import io
import os
import pickle
import struct
import zipfile
import zlib

import numpy as np
from consort_cli import MODELS
from onnx import TensorProto, numpy_helper
from workshop import ANY, Workshop, identity_model, small_input, small_model

HARMLESS = frozenset({0})


def npy_bytes(value: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, value)
    return stream.getvalue()


def npy_with_header(header: str, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    """An .npy file whose header is exactly that text."""
    text = header.encode("latin1")
    length = struct.pack("<H", len(text)) if version[0] == 1 else struct.pack("<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + data


def header(descr: str = "'<f4'", order: str = "False", shape: str = "(1, 3, 8, 8)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def npy(shop: Workshop, count: int) -> None:
    data = small_input().tobytes()
    sound = npy_with_header(header(), data)
    for piece in range(count):
        offset = len(sound) * piece // count
        shop.run_with(f"npy_truncated_{offset}", "input.npy", sound[:offset])
    broken = {
        "magic": b"\x93NUMPX" + sound[6:],
        "version_9": npy_with_header(header(), data, (9, 0)),
        "header_length_beyond": sound[:8] + b"\xff\xff" + sound[10:],
        "header_length_huge": b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + sound[10:],
        "header_not_closed": npy_with_header("{'descr': '<f4', 'shape': (1, 3", data),
        "header_empty": npy_with_header("", data),
        "header_is_code": npy_with_header("__import__('os').system('true')", data),
        "header_nested": npy_with_header("(" * 30000, data),
        "header_binary": npy_with_header("\x00\xff" * 40, data),
        "key_missing": npy_with_header("{'descr': '<f4', 'fortran_order': False}\n", data),
        "objects": npy_with_header(header("'|O'"), pickle.dumps([1.0] * 192)),
        "pickle": pickle.dumps({"a": 1}),
        "strings": npy_with_header(header("'<U5'"), data * 5),
        "complex": npy_with_header(header("'<c8'"), data * 2),
        "structured": npy_with_header(header("[('a', '<f4'), ('b', '<i4')]"), data * 2),
        "dtype_unknown": npy_with_header(header("'<q9'"), data),
        "dtype_number": npy_with_header(header("4"), data),
        "order_text": npy_with_header(header(order="'maybe'"), data),
        "shape_negative": npy_with_header(header(shape="(1, -3, 8, 8)"), data),
        "shape_twice_negative": npy_with_header(header(shape="(-1, -3, 8, 8)"), data),
        "shape_huge": npy_with_header(header(shape="(1, 3, 8, 9223372036854775807)"), data),
        "shape_overflow": npy_with_header(header(shape="(4294967296, 4294967296, 4294967296)"), data),
        "shape_beyond_int64": npy_with_header(header(shape="(99999999999999999999999,)"), data),
        "shape_terabytes": npy_with_header(header(shape="(1, 3, 1048576, 1048576)"), data),
        "shape_number": npy_with_header(header(shape="192"), data),
        "shape_text": npy_with_header(header(shape="('a', 3)"), data),
        "shape_many": npy_with_header(header(shape="(" + "1, " * 5000 + ")"), data[:4]),
        "data_short": sound[:-4],
        "data_long": sound + bytes(64),
        "data_absent": npy_with_header(header()),
    }
    for name, content in broken.items():
        shop.run_with(f"npy_{name}", "input.npy", content)
    nan = npy_bytes(np.full((1, 3, 8, 8), np.nan, np.float32))
    shop.run_with("npy_nan", "input.npy", nan, mentions=("NaN",))
    shop.run_with("npy_nan_allowed", "input.npy", nan, "--allow-nan", codes=HARMLESS, harmless="the call accepts NaN")
    values = {"infinity": np.inf, "denormal": 1e-40, "largest": 3.4e38}
    for name, value in values.items():
        content = npy_bytes(np.full((1, 3, 8, 8), value, np.float32))
        shop.run_with(f"npy_{name}", "input.npy", content, codes=HARMLESS, harmless="every float32 is an input")
    fortran = npy_bytes(np.asfortranarray(small_input()))
    shop.run_with("npy_fortran_order", "input.npy", fortran, codes=frozenset({0, 3}), harmless="an order of memory, which a reader may turn round")
    swapped = npy_bytes(small_input().astype(">f4"))
    shop.run_with("npy_big_endian", "input.npy", swapped, codes=frozenset({0, 3}), harmless="an order of bytes, which a reader may turn round")


def zip_bytes(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method, compresslevel=9 if method == zipfile.ZIP_DEFLATED else None) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def bomb(unpacked_bytes: int) -> bytes:
    """One .npy member that deflates a thousandfold; its header is honest."""
    count = unpacked_bytes // 4
    text = npy_with_header(header(shape=f"({count},)"))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive, archive.open("x.npy", "w", force_zip64=True) as member:
        member.write(text)
        block = bytes(1 << 20)
        for _ in range(unpacked_bytes // len(block)):
            member.write(block)
    return stream.getvalue()


def patch_central(data: bytes, offset: int, value: bytes) -> bytes:
    """Overwrites a field of the first central directory entry."""
    at = data.index(b"PK\x01\x02") + offset
    return data[:at] + value + data[at + len(value) :]


def npz(shop: Workshop, count: int) -> None:
    member = npy_bytes(small_input())
    sound = zip_bytes({"x.npy": member})
    stored = zip_bytes({"x.npy": member}, zipfile.ZIP_STORED)
    for piece in range(1, count):
        offset = len(sound) * piece // count
        shop.run_with(f"npz_truncated_{offset}", "input.npz", sound[:offset])
    encrypted = bytearray(patch_central(sound, 8, b"\x01\x00"))
    encrypted[6] |= 1
    broken = {
        "bomb": bomb(1 << 30),
        "bomb_that_lies": patch_central(bomb(256 << 20), 24, struct.pack("<I", 1024)),
        "size_that_lies": patch_central(sound, 24, struct.pack("<I", 0x7FFFFFFF)),
        "bad_checksum": patch_central(stored, 16, b"\0\0\0\0"),
        "data_changed": stored.replace(member[-16:], b"\xaa" * 16, 1),
        "encrypted": bytes(encrypted),
        "unknown_compression": patch_central(sound, 10, b"\x63\x00"),
        "header_offset_beyond": patch_central(sound, 42, struct.pack("<I", 0x7FFFFFF0)),
        "no_members": zip_bytes({}),
        "not_npy": zip_bytes({"x.npy": b"not an array"}),
        "text_member": zip_bytes({"readme.txt": b"hello"}),
        "empty_member": zip_bytes({"x.npy": b""}),
        "folder_member": zip_bytes({"x/": b""}),
        "truncated_member": zip_bytes({"x.npy": member[:-8]}),
        "objects": zip_bytes({"x.npy": npy_with_header(header("'|O'"), pickle.dumps([0] * 192))}),
        "many_members": zip_bytes({f"m{i}.npy": b"" for i in range(70000)}, zipfile.ZIP_STORED),
        "garbage": b"PK\x03\x04" + bytes(200),
        "end_only": b"PK\x05\x06" + bytes(18),
    }
    for name, content in broken.items():
        shop.run_with(f"npz_{name}", "input.npz", content)
    two = identity_model([1, 3, 8, 8], inputs=("x", "z"))
    path = shop.write("npz_unknown_name", "input.npz", zip_bytes({"nosuch.npy": member}))
    shop.run("npz_unknown_name", two, "-i", path, mentions=("nosuch",))
    path = shop.write("npz_name_twice", "input.npz", zip_bytes({"x.npy": member, "z.npy": member}))
    shop.run("npz_name_twice", two, "-i", path, "-i", f"x={shop.write('npz_name_twice', 'again.npy', member)}", mentions=("'x'",))


def onnx_tensors(shop: Workshop) -> None:
    """Inputs as ONNX test data (.pb)."""
    value = small_input()

    def tensor(**fields) -> bytes:
        proto = numpy_helper.from_array(value, "x")
        for key, content in fields.items():
            if isinstance(content, list):
                del getattr(proto, key)[:]
                getattr(proto, key).extend(content)
            else:
                setattr(proto, key, content)
        return proto.SerializeToString()

    secret = shop.folder / "secret.bin"
    secret.write_bytes(value.tobytes())
    outside = numpy_helper.from_array(value, "x")
    outside.ClearField("raw_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value=str(secret))
    broken = {
        "truncated": tensor()[:100],
        "truncated_in_header": tensor()[:3],
        "dims_negative": tensor(dims=[1, -3, 8, 8]),
        "dims_huge": tensor(dims=[1 << 40, 1 << 40]),
        "dims_do_not_fit": tensor(dims=[1, 3, 8, 9]),
        "type_unknown": tensor(data_type=99),
        "type_wrong": tensor(data_type=TensorProto.INT32),
        "data_short": tensor(raw_data=value.tobytes()[:-4]),
        "data_twice": tensor(float_data=[0.0] * value.size),
        "external": outside.SerializeToString(),
        "random": np.random.Generator(np.random.PCG64(31)).bytes(300),
    }
    for name, content in broken.items():
        shop.run_with(f"pb_{name}", "input.pb", content, mentions=("input.pb", "'x'"), forbidden=(str(secret),))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: bytes, depth: int = 8, colour: int = 2) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def images(shop: Workshop, count: int) -> None:
    sources = {
        "png": (MODELS / "images" / "text.png").read_bytes(),
        "jpg": (MODELS / "images" / "rocket.jpg").read_bytes(),
    }
    for kind, data in sources.items():
        for piece in range(count):
            offset = len(data) * piece // count
            shop.run_with(f"{kind}_truncated_{offset}", f"input.{kind}", data[:offset])
    jpeg = sources["jpg"]
    frame = jpeg.index(b"\xff\xc0") if b"\xff\xc0" in jpeg else jpeg.index(b"\xff\xc2")
    pixels = bytes(25)
    broken = {
        "png_100000_square": png(100000, 100000, b""),
        "png_bomb": png(30000, 30000, bytes(30000 * 3 + 1) * 3000),
        "png_width_0": png(0, 8, pixels),
        "png_beyond_int": png(0xFFFFFFFF, 0xFFFFFFFF, b""),
        "png_short_rows": png(8, 8, pixels),
        "png_depth_7": png(8, 8, pixels * 8, depth=7),
        "png_colour_9": png(8, 8, pixels * 8, colour=9),
        "png_palette_missing": png(8, 8, bytes(9) * 8, colour=3),
        "png_bad_checksum": sources["png"][:20] + b"\xff" + sources["png"][21:],
        "png_signature_only": b"\x89PNG\r\n\x1a\n",
        "png_huge_chunk": b"\x89PNG\r\n\x1a\n\x7f\xff\xff\xffIHDR" + bytes(40),
        "jpg_65535_square": jpeg[: frame + 5] + b"\xff\xff\xff\xff" + jpeg[frame + 9 :],
        "jpg_size_0": jpeg[: frame + 5] + b"\0\0\0\0" + jpeg[frame + 9 :],
        "jpg_marker_only": b"\xff\xd8\xff",
        "jpg_components_200": jpeg[: frame + 9] + b"\xc8" + jpeg[frame + 10 :],
        "gif": b"GIF89a" + bytes(60),
        "bmp": b"BM" + bytes(60),
        "text": b"a picture of a cat",
        "empty": b"",
    }
    for name, content in broken.items():
        shop.run_with(f"image_{name}", "input.jpg" if name.startswith("jpg") else "input.png", content)
    rng = np.random.Generator(np.random.PCG64(37))
    for kind, data in sources.items():
        for index in range(count):
            flipped = bytearray(data)
            flipped[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
            reason = "decoders conceal broken pixels; only a changed header is fatal"
            shop.run_with(f"{kind}_flip_{index}", f"input.{kind}", bytes(flipped), codes=ANY, harmless=reason)
    shop.run_with("image_for_a_vector", "input.png", sources["png"], model=identity_model([4]), mentions=("'x'", "input.png"))
    shop.run_with("image_for_five_channels", "input.png", sources["png"], model=identity_model([1, 5, 8, 8]), mentions=("'x'", "input.png"))


def command_lines(shop: Workshop) -> None:
    """Calls that name things which are not there, or cannot be."""
    model = shop.write("command_lines", "sound.onnx", small_model().SerializeToString())
    given = shop.write("command_lines", "input.npy", npy_bytes(small_input()))
    other = shop.write("command_lines", "other.npy", npy_bytes(np.zeros((2, 2), np.float32)))
    fifo = shop.folder_of("command_lines") / "fifo.npy"
    os.mkfifo(fifo)
    start = ["run", "-m", model, "-d", "cpu@onnxruntime"]
    calls = {
        "input_name_unknown": (["-i", f"nosuch={given}"], ("nosuch",)),
        "input_twice": (["-i", f"x={given}", "-i", f"x={given}"], ("'x'", "x")),
        "input_file_missing": (["-i", f"x={model.parent}/absent.npy"], ("absent.npy",)),
        "input_is_folder": (["-i", f"x={model.parent}"], ("command_lines",)),
        "input_is_fifo": (["-i", f"x={fifo}"], ("fifo.npy",)),
        "input_is_dev_zero": (["-i", "x=/dev/zero"], ("zero",)),
        "input_empty_name": (["-i", f"={given}"], ("input", "name")),
        "input_empty_file": (["-i", "x="], ("'x'", "x=", "input")),
        "shape_name_unknown": (["--shape", "nosuch:1x3"], ("nosuch",)),
        "shape_negative": (["--shape", "x:1x-3x8x8"], ("1x-3x8x8", "'x'", "-3")),
        "shape_zero": (["--shape", "x:0x3x8x8"], ("0x3x8x8", "'x'")),
        "shape_overflow": (["--shape", "x:1x3x8x99999999999999999999"], ("9999", "'x'")),
        "shape_rank": (["--shape", "x:1x3"], ("input x",)),
        "shape_contradicts": (["--shape", "x:1x3x9x9"], ("input x",)),
        "shape_text": (["--shape", "x:axb"], ("axb",)),
        "dim_unknown": (["--dim", "nosuch=4"], ("nosuch",)),
        "iterations_0": (["-n", "0"], ("-n", "iterations")),
        "iterations_negative": (["-n", "-1"], ("-n", "iterations")),
        "iterations_beyond": (["-n", "99999999999999999999"], ("-n", "iterations")),
        "threads_0": (["--threads", "0"], ("threads",)),
        "threads_text": (["--threads", "two"], ("threads",)),
        "option_unknown": (["--no-such-option"], ("--no-such-option",)),
        "expect_missing": (["-i", f"x={given}", "--expect", f"{model.parent}/absent.npy"], ("absent.npy",)),
        "expect_shape": (["-i", f"x={given}", "--expect", other], ("other.npy", "'y'", "2x2")),
        "expect_garbage": (["-i", f"x={given}", "--expect", model], ("sound.onnx",)),
    }
    for name, (more, mentions) in calls.items():
        shop.add(f"call_{name}", [*start, *more], mentions=mentions)
    for name, target, mentions in (
        ("device_unknown", "gpuu", ("gpuu",)),
        ("backend_unknown", "cpu@nosuch", ("nosuch",)),
        ("core_text", "cpu:x", ("x",)),
        ("core_huge", "cpu:0-999999999", ("999999999",)),
        ("core_reversed", "cpu:1-0", ("1-0",)),
        ("target_empty", "", ("target", "-d", "device")),
        ("target_comma", "cpu,,cpu", ("target", "-d", "device")),
        ("precision_unknown", "cpu/fp13", ("fp13",)),
    ):
        shop.add(f"call_{name}", ["run", "-m", model, "-d", target], mentions=mentions)
    shop.add("call_core_absent", ["run", "-m", model, "-d", "cpu:99"], mentions=("99",), codes=frozenset({1, 2, 3}),
             harmless="a core that this machine lacks is no bad model: code 1 is right too")
    blocked = shop.write("command_lines", "a_file", b"")
    shop.add("call_output_is_file", [*start, "-i", f"x={given}", "-o", blocked / "below"], mentions=("a_file",), codes=frozenset({1, 2, 3}),
             harmless="a folder that cannot be made is not a bad model: code 1 is right too")
