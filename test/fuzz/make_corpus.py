#!/usr/bin/env python3
"""make_corpus.py [FOLDER]: writes the seeds of the fuzz targets, good and hostile ones, each small.

The seeds are kept in the tree; this says where they came from (files named by a sum were found by
libFuzzer from them). Needs Pillow for the JPEGs only (script/peers makes an environment that has it).
Pictures are patterns made here. corpus_data.py writes those of pictures, arrays and tensors."""
import gzip
import os
import re
import struct

from corpus_data import (counts, crc32c, entry, idx, jpegs, meta, npy, npy_header, numbers,
                         pattern, png, put, rows, scan, six, tensors, two, weights)

# ---- networks -------------------------------------------------------------------------------------
put("network", "tutorial", b"input 24x24x3; conv filters=64 kernel=5; relu; max_pool 2\n"
    b"conv filters=64 kernel=5; relu; max_pool 2; conv filters=10 kernel=5\nrelu; avg_pool; softmax\n")
put("network", "branches", b"x = input 8x8x2\na = conv x filters=4 kernel=3x1 stride=2 pad=1,0,1,0\n"
    b"b = conv x filters=4 kernel=1 stride=2 groups=2 bias=no\nadd a b\nc = relu\nconcat a c\n")
put("network", "dilation", b"input 16x16x1 # comment\nconv filters=2 kernel=3 dilation=2 pad=valid "
    b"init=0.02 bias=0.5\navg_pool 2x3 stride=1\ndense units=3")
put("network", "quoted", b'"a b" = input 4x4x1; "" = relu; "x')
put("network", "unknown", b"input 4x4x1; convv filters=3")
put("network", "negative", b"input 4x4x1; conv filters=-64 kernel=3")
put("network", "huge", b"input 65536x65536x65536; conv filters=65536 kernel=1024")
put("network", "twice", b"x = input 4x4x1; x = relu")
put("network", "cycle", b"input 4x4x1; a = relu b; b = relu a")
put("network", "zero_stride", b"input 4x4x1; max_pool 2 stride=0")
put("network", "vanishes", b"input 2x2x1; conv filters=1 kernel=5 pad=valid")
put("network", "long_line", b"input 4x4x1;" + b" relu;" * 900)
put("network", "nul", b"input 4x4x1\0; relu")
put("network", "not_utf8", b"\xff\xfe = input 4x4x1; relu")

put("network", "number_beyond_int64", b"x = input 4x4x1\nn1 = leaky_relu x slope=0.108\n")
put("network", "all_kinds", b"x = input 8x8x4\na = conv x filters=4 kernel=3 pad=same init=he bias=no\n"
    b"batch_norm; prelu; pad 1,0,-1,1 value=0.5; pad 1; lrn size=3 alpha=1e-3 beta=0.5 k=2\n"
    b"max_pool 3 stride=2 pad=1 dilation=1 ceil=yes; b = avg_pool 2x1 stride=1 pad=0,1,0,1 "
    b"ceil=no count_pad=yes\nshuffle groups=2; slice first=1 count=2; gelu tanh=yes; elu alpha=2\n"
    b"selu alpha=1 gamma=1; hard_tanh min=-2 max=2; hard_sigmoid alpha=0.1 beta=0.4; clip max=6\n"
    b"leaky_relu slope=0.2; m = sigmoid; mul m m; scale; max_pool global; reshape 2x1x1 order=hwc\n"
    b"dense units=3 bias=no; log_softmax")
put("network", "quote_open", b'x = input 4x4x1; "a')
put("network", "no_operator", b"input 4x4x1; x =")
put("network", "key_twice", b"input 4x4x1; conv filters=2 filters=3 kernel=1")
put("network", "size_twice", b"input 4x4x1; max_pool 2 kernel=3")
put("network", "key_unknown", b"input 4x4x1; conv filtres=2 kernel=1; relu a=3")
put("network", "input_of_input", b"x = input 4x4x1 x")
put("network", "add_one", b"x = input 4x4x1; add x")
put("network", "many_words", b"x = input 4x4x1; add" + b" x" * 300)
put("network", "line_too_long", b"x = input 4x4x1\n" + b"#" * 4100)
put("network", "name_too_long", b"x" * 129 + b" = input 4x4x1")

# ---- small texts -----------------------------------------------------------------------------------
put("texts", "lines", b"lcat\ndog \tand fox\n  bird\n")
put("texts", "lines_mark", b"l\xef\xbb\xbfcat\r\ndog\r\nbird\x1b[2J\r\n\r\n")
put("texts", "lines_two", b"lcat\ndog")
put("texts", "lines_four", b"lbackground\ncat\ndog\nbird")
put("texts", "lines_seven", b"l1\n2\n3\n4\n5\n6\n7")
put("texts", "lines_empty", b"lcat\n\t \nbird")
put("texts", "lines_long", b"lcat\ndog\n" + b"x" * 1001)
put("texts", "lines_latin1", b"lcat\nd\xf6g\nbird")
put("texts", "utf16", b"l\xff\xfec\0a\0t\0")
put("texts", "utf16_big", b"l\xfe\xff\0c")
put("texts", "nothing", b"l \n")
put("texts", "names", b'l["cat","dog","bird"]')
put("texts", "names_by_number", b'l {"0":"cat","2":"bird","1":["n01","dog"]}')
put("texts", "names_number_twice", b'l{"0":"cat","0":"bird"}')
put("texts", "names_number_again", b'l{"0":"cat","00":"bird","1":"dog"}')
put("texts", "names_number_3", b'l{"0":"cat","1":"bird","3":"dog"}')
put("texts", "names_no_text", b'l["cat",1,"bird"]')
put("texts", "names_empty", b'l["cat"," ","bird"]')
put("texts", "names_none", b"l[]")
put("texts", "names_long", b'l["cat","dog","' + b"x" * 1001 + b'"]')
put("texts", "names_deep", b"l" + b"[" * 9)
put("texts", "names_quote", b'l["c\\"at\\\\","dog","[{"]')
put("texts", "names_open", b'l["cat"')
put("texts", "list", b'j["a","b"]')
put("texts", "list_nested", b'j["a",["b"]]')
put("texts", "list_bracket", b"j[[[")
put("texts", "list_numbers", b"j[1]")
put("texts", "list_object", b'j{"a":"b"}')
put("texts", "list_long", b"j[" + b",".join([b'"a"'] * 17) + b"]")
put("texts", "list_quotes", b'j["\\"\\u0001\\ud83d\\ude00"]')
for i, json_text in enumerate((
        b'["a",1]', b'["a",-0.5e+3]', b'["a",1e]', b'["a",1.]', b'["a",01]', b'["a",-]', b'["a",true]',
        b'["a",false]', b'["a",null]', b'["a",nul]', b'["a",]', b'["a" "b"]', b'["a"]x', b'["a\\x"]',
        b'["\\b\\f\\n\\r\\t\\/"]', b'["\\u00e9"]', b'["\\u20ac"]', b'["\\ud83d"]', b'["\\ud83d\\u0041"]',
        b'["\\udc00"]', b'["\\u12"]', b'["\\u12g4"]', b'["\x01"]', b'["\xff"]', b'["\\u0000"]', b'[""',
        b'{"0":"a","1":', b'{"0" "a"}', b'{0:"a"}', b'{"0":"a",}', b'{"0":"a" "1":"b"}', b'{}', b'["',
        b'["\\', b'[1e999999999999]', b'[ "a" , "b" , "c" ]', b'{ "0" : "a" , "1":"b","2":"c" }',
        b'[99999999999999999999]', b'[-9223372036854775808]', b'["a","b",["x","c"]]', b'["a","b",[]]',
        b'["a","b",{"x":"y"}]', b'["a","b",{"x":1,"x":2}]')):
    put("texts", "json_%d" % i, b"l" + json_text)
    put("texts", "list_json_%d" % i, b"j" + json_text)
for i, way in enumerate((b"imagenet", b"caffe", b"tf", b"cifar10", b"standardize", b"none",
                         b"imagnet", b"")):
    put("texts", "way_%d" % i, b"w" + way)
for i, text in enumerate((
        b"24x24x3 standardize", b"24x24x1 none resize", b"24x24x3 none side=30",
        b"24x24x3 mean=0.485,0.456,0.406 std=0.229,0.224,0.225 side=27 bgr", b"1x1x1 mean=0.5 std=0.5",
        b"24x24x3 mean=0.1 std=0.25", b"24x24x3 mean=0.5", b"24x24x3 none none", b"24x24x3", b"24x24",
        b"24x24x2 none", b"24x24x3 none standardize", b"24x24x3 mean=1,2 std=1", b"24x24x3 side=x none",
        b"24x24x3 mean=100 std=1", b"24x24x3 mean=0 std=0", b"24x24x3 none side=3", b"24x24x1 none bgr",
        b"32768x32768x3 none", b"24x24x3 mean=1e39 std=1", b"24x24x3 mean=0,0,0,0 std=1", b"0x1x1",
        b"24x24x3 nothing")):
    put("texts", "preprocess_%d" % i, b"p" + text)

# ---- event files ------------------------------------------------------------------------------------
def masked(data):
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xffffffff)


def tf_record(data):
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(value):
    low = bytes([value & 127 | (128 if value > 127 else 0)])
    return low + varint(value >> 7) if value > 127 else low


def field(number, data):
    """Of protobuf: bytes with their length, or an int."""
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    return varint(number << 3 | 2) + varint(len(data)) + data


time = b"\x09" + struct.pack("<d", 1e9)
first = tf_record(time + field(3, b"brain.Event:2"))
scalar = tf_record(time + field(2, 5) + field(5, field(1, field(1, b"loss") + b"\x15" +
                                                       struct.pack("<f", 2.3))))
histogram = tf_record(time + field(2, 6) + field(5, field(1, field(1, b"w") + field(5, b"\x09" +
                      struct.pack("<d", -1) + field(6, struct.pack("<2d", 0, 1)) +
                      field(7, struct.pack("<2d", 3, 4))))))
tiny = png(1, 1, 8, 0, b"\0\7")
image = tf_record(time + field(2, 7) + field(5, field(1, field(1, b"i") + field(
    4, field(1, 1) + field(2, 1) + field(3, 1) + field(4, tiny)))))
graph = tf_record(time + field(4, field(1, field(1, b"x") + field(2, b"Placeholder"))))
put("events", "all_kinds", first + graph + scalar + histogram + image)
put("events", "first_only", first)
put("events", "torn_header", first + scalar[:7])
put("events", "torn_data", first + scalar[:20])
put("events", "wrong_sum", first + scalar[:-1] + b"\0" + scalar)
put("events", "wrong_length_sum", first + b"\xff" + scalar[1:])
put("events", "endless", first + struct.pack("<Q", 2**63) + masked(struct.pack("<Q", 2**63)))
put("events", "no_version", scalar)
put("events", "other_version", tf_record(time + field(3, b"brain.Event:9")) + scalar)
put("events", "not_protobuf", first + tf_record(b"\xff\xff\xff\xff"))
put("events", "buckets_differ", first + tf_record(time + field(5, field(1, field(1, b"w") + field(
    5, field(6, struct.pack("<2d", 0, 1)) + field(7, struct.pack("<d", 3)))))))
put("events", "zeros_behind", first + scalar + bytes(5000))
put("events", "zeros_and_more", first + scalar + bytes(5000) + b"x")
put("events", "zeros_few", first + scalar + bytes(13))
put("events", "empty_record", first + tf_record(b""))



# ---- ONNX ---------------------------------------------------------------------------------------
def tensor(name, kind, dims, *parts):
    return b"".join(field(1, d) for d in dims) + field(2, kind) + field(8, name) + b"".join(parts)


def value(name, *dims):
    shape = b"".join(field(1, field(2, d) if isinstance(d, bytes) else field(1, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def node(op, inputs, outputs, *attributes):
    return (b"".join(field(1, i) for i in inputs) + b"".join(field(2, o) for o in outputs) +
            field(3, op.lower() + b"1") + field(4, op) + b"".join(field(5, a) for a in attributes))


def ints(name, *numbers):
    return field(1, name) + b"".join(field(8, n) for n in numbers) + field(20, 7)


def onnx(*graph, more=b""):
    return (field(1, 8) + field(2, b"pytorch") + field(3, b"2.1") +
            field(7, b"".join(graph) + field(2, b"main_graph")) +
            field(8, field(1, b"") + field(2, 17)) + more)


def external(*pairs):
    return b"".join(field(13, field(1, k) + field(2, v)) for k, v in pairs) + field(14, 1)


def nested(size, *fields):
    data = b""
    while len(data) < size:
        for number in fields:
            data = field(number, data)
    return data


conv = field(1, node(b"Conv", [b"x", b"w", b"b"], [b"c"], ints(b"kernel_shape", 2, 2),
                     ints(b"pads", 0, 0, 1, 1), ints(b"strides", 1, 1),
                     field(1, b"auto_pad") + field(4, b"NOTSET") + field(20, 3)))
relu = field(1, node(b"Relu", [b"c"], [b"r"]))
pool = field(1, node(b"MaxPool", [b"r"], [b"p"], ints(b"kernel_shape", 2, 2)))
w = field(5, tensor(b"w", 1, [2, 1, 2, 2], field(9, struct.pack("<8f", *range(8)))))
b = field(5, tensor(b"b", 1, [2], field(4, struct.pack("<2f", 1, -1))))
ends = field(11, value(b"x", b"N", 1, 4, 4)) + field(12, value(b"p", b"N", 2, 2, 2))
put("onnx", "conv", onnx(conv, relu, pool, w, b, ends, field(13, value(b"c", b"N", 2, 4, 4))))


def chain(*steps):
    """Nodes one after another: (operator, further inputs, attributes ...); x is the first input."""
    nodes, last = b"", b"x"
    for i, (op, inputs, *attributes) in enumerate(steps):
        out = b"p" if i + 1 == len(steps) else b"v%d" % i
        nodes += field(1, node(op, [last] + inputs, [out], *attributes))
        last = out
    return nodes


def longs(name, *numbers):
    return field(5, tensor(name, 7, [len(numbers)],
                           field(9, struct.pack("<%dq" % len(numbers), *numbers))))


def floats(name, *numbers):
    return field(5, tensor(name, 1, [len(numbers)],
                           field(9, struct.pack("<%df" % len(numbers), *numbers))))


def axis(number):
    return field(1, b"axis") + field(3, number) + field(20, 2)


ends4 = field(11, value(b"x", b"N", 4, 4, 4)) + field(12, value(b"p", b"N", 2))
put("onnx", "shuffle", onnx(
    chain((b"Reshape", [b"s"]), (b"Transpose", [], ints(b"perm", 0, 2, 1, 3, 4)),
          (b"Reshape", [b"t"]), (b"Slice", [b"one", b"end", b"one"]), (b"Pad", [b"pads"]),
          (b"Gather", [b"g"], axis(1)), (b"Flatten", []), (b"Softmax", [])),
    longs(b"s", 0, 2, 2, 4, 4), longs(b"t", 0, 4, 4, 4), longs(b"one", 1), longs(b"end", 9),
    longs(b"pads", 0, 0, 1, 0, 0, 0, 0, -1), longs(b"g", 2, 0), ends4))
put("onnx", "scales", onnx(
    field(1, node(b"Unsqueeze", [b"f", b"hw12"], [b"f3"])),
    chain((b"BatchNormalization", [b"f"] * 4), (b"Mul", [b"k"]), (b"Add", [b"f3"]),
          (b"Sub", [b"k"]), (b"Clip", [b"", b"k"]), (b"ReduceMean", [], ints(b"axes", 2, 3)),
          (b"Squeeze", [b"hw"]), (b"MatMul", [b"m"])),
    longs(b"hw12", 1, 2),
    longs(b"hw", 2, 3), floats(b"f", 1, 2, 3, 4), floats(b"k", 0.5),
    field(5, tensor(b"m", 1, [4, 2], field(9, struct.pack("<8f", *range(8))))), ends4))
put("onnx", "folds", onnx(
    field(1, node(b"Shape", [b"x"], [b"n"])), field(1, node(b"Gather", [b"n", b"z"], [b"n1"])),
    field(1, node(b"Concat", [b"n1", b"minus"], [b"n2"], axis(0))),
    field(1, node(b"ConstantOfShape", [b"four"], [b"c"])),
    field(1, node(b"Range", [b"a", b"e", b"a1"], [b"r"])),
    field(1, node(b"Relu", [b"x"], [b"y"])), field(1, node(b"Sigmoid", [b"y"], [b"q"])),
    field(1, node(b"Mul", [b"q", b"y"], [b"w"])), field(1, node(b"Reshape", [b"w", b"n2"], [b"p"])),
    longs(b"z", 0), longs(b"minus", -1), longs(b"four", 4), longs(b"a", 0), longs(b"e", 9),
    longs(b"a1", 2), ends4))
put("onnx", "unsorted", onnx(relu, conv, pool, w, b, ends))
put("onnx", "circle", onnx(field(1, node(b"Relu", [b"p"], [b"p"])), ends))
put("onnx", "twice", onnx(conv, conv, w, b, ends))
put("onnx", "weight_is_input", onnx(conv, w, b, ends, field(11, value(b"w", 2, 1, 2, 2))))
put("onnx", "types", onnx(*(field(5, tensor(b"t%d" % kind, kind, [2], field(9, bytes(2 * width))))
                            for kind, width in enumerate([0, 4, 1, 1, 2, 2, 4, 8, 0, 1, 2, 8, 4, 8,
                                                          8, 16, 2, 1]) if width)))
put("onnx", "typed", onnx(*(field(5, tensor(b"t%d" % kind, kind, [2], field(at, b"\1\2")))
                            for kind, at in ((2, 5), (3, 5), (6, 5), (7, 7), (9, 5), (10, 5),
                                             (12, 11), (13, 11), (16, 5)))))
put("onnx", "one_by_one", onnx(field(5, tensor(b"i", 7, [2], field(7, 300), field(7, 2**64 - 1))),
                               field(5, tensor(b"f", 1, [1], b"\x25" + bytes(4))),
                               field(5, tensor(b"d", 11, [1], b"\x51" + bytes(8)))))
put("onnx", "external", onnx(conv, field(5, tensor(b"w", 1, [2, 1, 2, 2], external(
    (b"location", b"w.bin"), (b"offset", b"8"), (b"length", b"32")))), b, ends))
put("onnx", "external_outside", onnx(field(5, tensor(b"w", 1, [1], external(
    (b"location", b"../w.bin"))))))
put("onnx", "constant", onnx(field(1, node(b"Constant", [], [b"k"], field(1, b"value") + field(
    5, tensor(b"", 7, [2], field(7, b"\1\xac\2"))) + field(20, 4)))))
put("onnx", "attributes", onnx(field(1, node(
    b"Op", [], [b"y"], field(1, b"f") + b"\x15" + bytes(4) + field(20, 1),
    field(1, b"fs") + field(7, bytes(8)) + field(20, 6), field(1, b"i") + field(3, 5),
    field(1, b"ss") + field(9, b"a") + field(9, b"b") + field(20, 8),
    field(1, b"r") + field(21, b"outer") + field(20, 2),
    field(1, b"g") + field(6, conv) + field(20, 5)))))
put("onnx", "function", onnx(conv, w, b, more=field(14, field(1, b"key") + field(2, b"value")) +
                             field(25, field(1, b"F") + field(10, b"local") + field(7, relu))))
put("onnx", "nested_graphs", onnx(field(1, node(b"If", [], [b"y"], field(1, b"g") + field(20, 5) +
                                                 nested(7000, 1, 5, 6)))))
put("onnx", "nested_types", onnx(field(11, field(1, b"x") + field(2, nested(7000, 1, 4)))))
put("onnx", "large_shape", onnx(field(5, tensor(b"w", 1, [65536, 65536], field(9, b"1234")))))
put("onnx", "many_empty", onnx(b"\x0a\x00" * 400))
put("onnx", "truncated", onnx(conv, w, b)[:-20])
put("onnx", "empty", b"")


# ---- external data of ONNX files -------------------------------------------------------------------
def reference(location, offset=b"-", length=b"-", kind=7, count=2):
    return bytes([kind, count]) + location + b"\0" + offset + b"\0" + length + b"\0"


eight = bytes(range(101, 149))
put("external", "whole", reference(b"w.bin", b"8", b"16") + reference(b"w.bin", b"0") +
    reference(b"sub/v.bin", b"-", b"16") + reference(b"./w.bin", b"32", kind=1) +
    reference(b"w.bin", b"40", b"8", 11, 1) + b"\0" + eight)
put("external", "kinds", b"".join(reference(b"w.bin", kind=k) for k in range(1, 17)) + b"\0" + eight)
put("external", "many", b"".join(reference(b"%d" % (i % 10)) for i in range(21)) + b"\0" + eight)
for name, more in (("absolute", [b"/etc/passwd"]), ("parent", [b"../secret"]),
                   ("parent_inside", [b"sub/../w.bin"]), ("empty_part", [b"sub//v.bin"]),
                   ("link", [b"link"]), ("link_out", [b"out"]), ("folder_link", [b"dir/v.bin"]),
                   ("hard_link", [b"hard"]), ("pipe", [b"pipe"]), ("folder", [b"sub"]),
                   ("no_file", [b"no"]), ("below_file", [b"w.bin/x"]), ("backslash", [b"sub\\v.bin"]),
                   ("nameless", [b""]), ("unnamed", [b"-"]), ("dots", [b"..a/v.bin"]),
                   ("long_part", [b"x" * 200]),
                   ("empty", [b"empty"]), ("offset_outside", [b"w.bin", b"48"]),
                   ("offset_across", [b"w.bin", b"40"]), ("offset_blank", [b"w.bin", b" 8"]),
                   ("offset_huge", [b"w.bin", b"18446744073709551615"]),
                   ("offset_beyond", [b"w.bin", b"18446744073709551616"]),
                   ("length_short", [b"w.bin", b"0", b"15"]), ("length_odd", [b"w.bin", b"0", b"x"]),
                   ("text", [b"w.bin", b"0", b"-", 8]), ("not_external", [b"w.bin", b"0", b"-", 231])):
    put("external", name, reference(*more) + b"\0" + eight)
put("external", "too_large", reference(b"w.bin") + b"\0\xff" + eight)


# ---- what files and folders are --------------------------------------------------------------------
listed = re.search(r"names\[\] = \{(.*?)\};", open(os.path.join(os.path.dirname(
    os.path.abspath(__file__)), "fuzz_identify.c"), encoding="latin1").read(), re.S)[1]
listed = re.findall(r'"(.*?)"', listed)


def folder(*files):
    """(name, bytes) or (name, records, label)"""
    data = b"d"
    for name, content, *label in files:
        data += bytes([listed.index(name)])
        if label:
            data += bytes([128 + content - 1, label[0]])
        else:
            data += bytes([len(content) % 128, len(content) // 128]) + content
    return data


small = png(2, 2, 8, 2, rows(2, 6))
grey = png(2, 3, 8, 0, rows(3, 2))
one_idx, labels = idx([2, 4, 4], pattern(32)), idx([2], b"\1\2")
for name, content in (
        ("png", small), ("npy", npy(npy_header("(2, 3)"), six)), ("idx", one_idx),
        ("idx_truncated", one_idx[:-1]), ("events", first), ("model", tensors({"__metadata__": meta,
                                                                              **weights}, numbers)),
        ("scan", scan(two, counts)), ("tensors", tensors({"x": entry([], 0, 4)}, b"1234")),
        ("tensors_broken", tensors({"x": entry([], 0, 5)}, b"1234")),
        ("idx.gz", gzip.compress(one_idx, mtime=0)), ("idx_cut.gz", gzip.compress(one_idx, mtime=0)[:-9]),
        ("tar.gz", gzip.compress(bytes(257) + b"ustar" + bytes(99), mtime=0)),
        ("text.gz", gzip.compress(b"x" * 600, mtime=0)), ("network", b"# a\n\n x = input 4x4x1"),
        ("network_bare", b"input\t4x4x1"), ("text", b"hello"), ("text_cut", b"\xc3\xa9" * 2100),
        ("onnx", onnx(conv, relu, pool, w, b, ends)), ("tar", bytes(257) + b"ustar" + bytes(99)),
        ("zip", b"PK\3\4xx"), ("pickle", b"\x80\4xx"), ("gif", b"GIF89a"), ("empty", b""),
        ("cifar_record", bytes([3]) + pattern(3072)), ("cifar100", bytes([3, 77]) + pattern(3072)),
        ("noise", b"\x01\x02\xff\xfe")):
    put("identify", "file_" + name, b"f" + content)
put("identify", "file_sum_of_nothing", b"f" + tensors(
    {"__metadata__": {"crc32c": "00000000", "format": "pt"}, "x": entry([], 0, 4)}, b"1234"))
put("identify", "file_idx_rank_2", b"f" + idx([2, 4], pattern(8)))
put("identify", "file_text_long", b"f" + b"x" * 4095 + b"\xc3\xa9" * 20)
put("identify", "file_text_half", b"f" + b"x" * 4094 + b"\xe2\x82\xac" * 20)
put("identify", "file_cifar100_label", b"f" + bytes([19, 100]) + pattern(3072))
put("identify", "empty", b"")
put("identify", "pictures_hidden", folder((".hidden.png", b"x"), ("a.png", small)))
put("identify", "classes_hidden", folder(("train/.c/1.png", small), ("train/a/1.png", small),
                                         ("train/a/name", b"x"), ("train/c/1.gif", b"GIF8"),
                                         ("test/a/1.png", small)))
put("identify", "raw_is_a_file", folder(("raw", b"x"), ("a.png", small)))
put("identify", "atlas_is_a_folder", folder(("atlas.json/x", b"x")))
put("identify", "train_is_a_file", folder(("train", b"x"), ("test/a/1.png", small)))
put("identify", "val_alone", folder(("val/b/1.png", small)))
put("identify", "pictures", folder(("a.png", small), ("sub/deep/1.png", grey), ("c.txt", b"x")))
put("identify", "pictures_none", folder(("c.txt", b"x")))
put("identify", "pictures_bad", folder(("a.png", small[:-9])))
put("identify", "classes", folder(("train/a/1.png", small), ("train/b/2.PNG", grey),
                                  ("test/a/1.png", small), ("train/notes.txt", b"x"),
                                  ("train/a/.hidden.png", b"x")))
put("identify", "classes_val", folder(("train/b/1.jpeg", small), ("val/b/1.png", grey)))
put("identify", "classes_other", folder(("train/a/1.png", small), ("test/c/1.png", grey)))
put("identify", "classes_no_test", folder(("train/a/1.png", small)))
put("identify", "classes_no_train", folder(("test/a/1.png", small)))
put("identify", "classes_none", folder(("train/notes.txt", b"x"), ("test/a/1.png", small)))
put("identify", "classes_no_picture", folder(("train/a/.hidden.png", b"x"), ("test/a/1.png", small)))
six_files = ["data_batch_%d.bin" % i for i in range(1, 6)] + ["test_batch.bin"]
names_file = ("batches.meta.txt", b"".join(b"class%d\n" % i for i in range(10)) + b"\n")
put("identify", "cifar10", folder(*((n, 1 + i % 2, i) for i, n in enumerate(six_files)), names_file))
put("identify", "cifar10_no_names", folder(*((n, 1, i) for i, n in enumerate(six_files))))
put("identify", "cifar10_label", folder(*((n, 1, 10) for n in six_files)))
put("identify", "cifar10_one", folder((six_files[0], 1, 0)))
put("identify", "cifar10_below", folder(("cifar-10-batches-bin/data_batch_1.bin", 1, 0)))
quartet = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
           "t10k-labels-idx1-ubyte"]
put("identify", "idx", folder(*((n, (one_idx, labels)[i % 2]) for i, n in enumerate(quartet))))
put("identify", "idx_gz", folder(*((n + ".gz", gzip.compress((one_idx, labels)[i % 2], mtime=0))
                                   for i, n in enumerate(quartet))))
put("identify", "idx_dots", folder(*((n.replace("-idx", ".idx"), (one_idx, labels)[i % 2])
                                     for i, n in enumerate(quartet))))
put("identify", "idx_three", folder(*((n, (one_idx, labels)[i % 2])
                                      for i, n in enumerate(quartet[:3]))))
put("identify", "idx_swapped", folder(*((n, (labels, one_idx)[i % 2])
                                        for i, n in enumerate(quartet))))
put("identify", "idx_counts", folder(*((n, (one_idx, idx([3], b"abc"))[i % 2])
                                       for i, n in enumerate(quartet))))
put("identify", "idx_sizes", folder(*zip(quartet, (one_idx, labels, idx([2, 4, 5], pattern(40)),
                                                   labels))))
book = b'<html><meta name="generator" content="deconvnet 1">'
put("identify", "atlas", folder(("atlas.json", b'{"format": "deconvnet-atlas 1", "pages": []}'),
                                ("index.html", book), ("raw/x.f32", b"1234")))
put("identify", "atlas_other_json", folder(("atlas.json", b'{"format": "other"}')))
put("identify", "atlas_other_page", folder(("index.html", b"<html>")))
put("identify", "atlas_empty_page", folder(("index.html", b""), ("scan.safetensors", b"x")))
put("identify", "atlas_raw", folder(("raw/x.f32", b"1234")))
put("identify", "atlas_killed", folder(("raw/x.f32", b"1234"), ("tiles.tmp", b"x")))
for name in ("model.safetensors", "data_batch_1", "fine_label_names.txt", "cifar-10-binary.tar.gz",
             "strips.png"):
    put("identify", "near_" + name, folder((name, b"x")))

jpegs()
