"""Mesh files read back by readers written from the specifications, sharing nothing with the writers."""

from __future__ import annotations

import json
import math
import struct

import numpy as np
import pytest

from hint_tools.core.errors import DataError
from hint_tools.formats.gltf import View, encode_glb
from hint_tools.formats.meshes import NamedMesh
from hint_tools.formats.wavefront import encode_obj

TETRAHEDRON = np.array([[0.0, 0, 1], [1, 0, 1], [0, 1, 1], [0, 0, 2]])
OUTWARD = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
MESHES = [
    NamedMesh("one", TETRAHEDRON, OUTWARD, (0.1, 0.2, 0.3)),
    NamedMesh("two", TETRAHEDRON[:, [1, 0, 2]] * 1.2345678 + 4, OUTWARD[:, ::-1]),
]


def read_obj(data: bytes) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Objects of an OBJ file; vertices are numbered through the file, from 1."""
    vertices, objects, current = [], {}, None
    for line in data.decode().splitlines():
        word, _, rest = line.partition(" ")
        if word == "o":
            current = objects.setdefault(rest, [])
        elif word == "v":
            vertices.append([float(x) for x in rest.split()])
        elif word == "f":
            current.append([int(x.split("/")[0]) - 1 for x in rest.split()])
        else:
            assert word in ("#", "")
    return {name: (np.array(vertices), np.array(faces)) for name, faces in objects.items()}


TYPES = {5126: ("<f4", 4), 5123: ("<u2", 2), 5125: ("<u4", 4)}
WIDTHS = {"SCALAR": 1, "VEC3": 3}


class Glb:
    """glTF 2.0, section 4.4: header, JSON chunk, binary chunk."""

    def __init__(self, data: bytes) -> None:
        magic, version, length = struct.unpack_from("<4sII", data)
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON"
        assert size % 4 == 0
        self.document = json.loads(data[20 : 20 + size])
        at = 20 + size
        size, kind = struct.unpack_from("<I4s", data, at)
        assert kind == b"BIN\0"
        assert size % 4 == 0
        assert at + 8 + size == len(data)
        self.binary = data[at + 8 :]
        assert self.document["buffers"][0]["byteLength"] <= len(self.binary)

    def accessor(self, number: int) -> np.ndarray:
        described = self.document["accessors"][number]
        view = self.document["bufferViews"][described["bufferView"]]
        dtype, size = TYPES[described["componentType"]]
        width = WIDTHS[described["type"]]
        start = view.get("byteOffset", 0) + described.get("byteOffset", 0)
        assert start % size == 0
        assert described["count"] * width * size <= view["byteLength"]
        values = np.frombuffer(self.binary, dtype, described["count"] * width, start).reshape(-1, width)
        if "min" in described:
            np.testing.assert_array_equal(values.min(axis=0), np.array(described["min"], "f4"))
            np.testing.assert_array_equal(values.max(axis=0), np.array(described["max"], "f4"))
        return values

    def meshes(self) -> dict[str, dict[str, np.ndarray]]:
        found = {}
        for mesh in self.document["meshes"]:
            (primitive,) = mesh["primitives"]
            assert primitive.get("mode", 4) == 4
            arrays = {name: self.accessor(i) for name, i in primitive["attributes"].items()}
            found[mesh["name"]] = arrays | {"faces": self.accessor(primitive["indices"]).reshape(-1, 3)}
        return found

    def world(self) -> dict[str, np.ndarray]:
        """Each node's matrix in the scene."""
        nodes, found = self.document["nodes"], {}

        def walk(number: int, above: np.ndarray) -> None:
            node = nodes[number]
            x, y, z, w = node.get("rotation", [0, 0, 0, 1])
            turn = np.array(
                [
                    [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                    [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                    [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
                ]
            )
            assert not {"matrix", "scale", "translation"} & node.keys()
            found[node["name"]] = above @ turn
            for child in node.get("children", []):
                walk(child, above @ turn)

        for root in self.document["scenes"][self.document["scene"]]["nodes"]:
            walk(root, np.eye(3))
        return found


def test_an_obj_file_holds_the_meshes() -> None:
    read = read_obj(encode_obj(MESHES, comment="metres\nx right"))
    assert list(read) == ["one", "two"]
    for number, mesh in enumerate(MESHES):
        vertices, faces = read[mesh.name]
        np.testing.assert_allclose(vertices[faces], mesh.vertices[mesh.faces], rtol=0, atol=1e-7)
        assert faces.min() == 4 * number


def test_a_glb_file_holds_the_meshes() -> None:
    read = Glb(encode_glb(MESHES, View(800.0, 640, 480))).meshes()
    assert list(read) == ["one", "two"]
    for mesh in MESHES:
        np.testing.assert_allclose(read[mesh.name]["POSITION"], mesh.vertices, rtol=1e-7)
        np.testing.assert_array_equal(read[mesh.name]["faces"], mesh.faces)
        np.testing.assert_allclose(np.linalg.norm(read[mesh.name]["NORMAL"], axis=1), 1, rtol=1e-6)


def test_normals_point_out_of_a_mesh() -> None:
    center = TETRAHEDRON.mean(axis=0)
    assert (((TETRAHEDRON - center) * MESHES[0].normals).sum(axis=1) > 0).all()


def test_a_viewer_sees_what_the_camera_saw() -> None:
    """glTF's camera looks along -z with y up; a point right of, below and before ours must be so there too."""
    read = Glb(encode_glb(MESHES, View(800.0, 640, 480)))
    world = read.world()
    point = world["one"] @ np.array([1.0, 2.0, 5.0])
    eye = np.linalg.inv(world["camera"]) @ point
    np.testing.assert_allclose(eye, [1.0, -2.0, -5.0], atol=1e-12)
    perspective = read.document["cameras"][0]["perspective"]
    half_height = math.tan(perspective["yfov"] / 2)
    clip_y, clip_x = eye[1] / -eye[2] / half_height, eye[0] / -eye[2] / (half_height * perspective["aspectRatio"])
    pixel = np.array([(clip_x + 1) / 2 * 640, (1 - clip_y) / 2 * 480])
    np.testing.assert_allclose(pixel, [320 + 800 / 5, 240 + 2 * 800 / 5])


def test_large_meshes_get_wide_indices() -> None:
    vertices = np.random.default_rng(0).normal(size=(70_000, 3))
    faces = np.array([[0, 1, 2], [69_997, 69_998, 69_999]])
    read = Glb(encode_glb([NamedMesh("large", vertices, faces)])).meshes()
    np.testing.assert_array_equal(read["large"]["faces"], faces)


def test_the_same_meshes_are_the_same_bytes() -> None:
    assert encode_glb(MESHES) == encode_glb(MESHES)


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        (TETRAHEDRON[:, :2], OUTWARD, "vertices of shape"),
        (TETRAHEDRON, OUTWARD + 1, "beyond"),
        (TETRAHEDRON * np.nan, OUTWARD, "finite"),
    ],
)
def test_what_is_no_mesh_is_refused(vertices, faces, message) -> None:
    with pytest.raises(DataError, match=message):
        NamedMesh("bad", vertices, faces)
