"""libdeconvnet in Python, as much of it as the peers' tests need. The structs are deconvnet.h's."""
import ctypes
from ctypes import POINTER, byref, c_char, c_char_p, c_float, c_int, c_int32, c_int64, c_size_t, c_void_p

import numpy as np

RULES = ("reconstruct", "deconvnet", "guided", "gradient", "linear")
FROM_LAYER, FROM_CHANNEL, FROM_PEAK = 0, 1, 2


def struct(name, *fields):
    return type(name, (ctypes.Structure,), {"_fields_": fields})


Error = struct("dcn_error", ("status", c_int), ("text", c_char * 400))
Shape = struct("dcn_shape", ("h", c_int), ("w", c_int), ("c", c_int))
Limits = struct("dcn_limits", *[(n, c_int64) for n in (
    "max_pixels", "max_side", "max_header_bytes", "max_text_bytes", "max_onnx_bytes", "max_nodes")])
OnnxDesc = struct("dcn_onnx_desc", ("height", c_int), ("width", c_int), ("limits", Limits))
Preprocess = struct("dcn_preprocess", ("shape", Shape), ("normalize", c_int), ("resize", c_int),
                    ("side", c_int), ("mean", c_float * 3), ("std", c_float * 3), ("bgr", c_int))
CModel = struct("dcn_model", ("graph", c_void_p), ("preprocess", Preprocess), ("classes", c_int),
                ("class_names", POINTER(c_char_p)), ("step", c_int64), ("hash", c_char * 17),
                ("guess", c_char * 200))
Route = struct("dcn_route", ("layer", c_int32), ("rule", c_int), ("no_switches", c_int),
               ("extend", c_int), ("only", c_int))
PlanDesc = struct("dcn_plan_desc", ("engine", c_char_p), ("batch", c_int), ("threads", c_int),
                  ("training", c_int), ("keep_all", c_int), ("routes", POINTER(Route)),
                  ("n_routes", c_int), ("together", c_int), ("starts", c_int), ("no_cones", c_int),
                  ("peaks", POINTER(c_int32)), ("n_peaks", c_int), ("only_asked", c_int), ("chunk", c_int), ("exact", c_int),
                  ("max_bytes", c_size_t))
Info = struct("dcn_node_info", ("name", c_char_p), ("origin", c_char_p), ("op", c_char_p),
              ("shape", Shape), ("n_inputs", c_int), ("inputs", POINTER(c_int32)),
              ("n_weights", c_int64), ("field", c_int * 6), ("is_layer", c_int))


class Refused(Exception):
    def __init__(self, error):
        super().__init__(error.text.decode())
        self.status = error.status


class Library:
    def __init__(self, path):
        self.c = ctypes.CDLL(path)
        self.c.dcn_version.restype = c_char_p
        self.c.dcn_plan_destroy.restype = self.c.dcn_plan_forward.restype = None
        self.c.dcn_model_clear.restype = self.c.dcn_graph_node_info.restype = None

    def call(self, name, *arguments):
        error = Error()
        if getattr(self.c, name)(*arguments, byref(error)):
            raise Refused(error)

    def load(self, path, height=0, width=0):
        model = CModel()
        self.call("dcn_onnx_load", byref(model), path.encode(),
                  byref(OnnxDesc(height, width, Limits())))
        return Model(self, model)

    def load_model(self, path):
        model = CModel()
        self.call("dcn_model_load", byref(model), path.encode(), None)
        return Model(self, model)


class Model:
    """A network and what belongs to it; `with` frees it."""

    def __init__(self, library, model):
        self.library, self.c = library, model
        self.graph = c_void_p(self.c.graph)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.library.c.dcn_model_clear(byref(self.c))

    def save(self, path):
        self.library.call("dcn_onnx_save", byref(self.c), path.encode())

    def info(self, node):
        info = Info()
        self.library.c.dcn_graph_node_info(self.graph, node, byref(info))
        return info

    def shape(self, node):
        s = self.info(node).shape
        return s.h, s.w, s.c

    def node_count(self):
        return self.library.c.dcn_graph_node_count(self.graph)

    def output(self):
        return self.library.c.dcn_graph_output(self.graph)

    def logits(self):
        return self.library.c.dcn_graph_logits(self.graph)

    def ops(self):
        return [self.info(i).op.decode() for i in range(self.node_count())]

    def plan(self, **desc):
        return Plan(self, **desc)


class Plan:
    """routes: (node, rule's name, extend)."""

    def __init__(self, model, engine="cpu", batch=1, routes=()):
        self.model, self.library, self.batch = model, model.library, batch
        self.routes = (Route * max(1, len(routes)))(*[
            Route(node, RULES.index(rule), 0, extend, 0) for node, rule, extend in routes])
        self.c = c_void_p()
        desc = PlanDesc(engine=engine.encode(), batch=batch, threads=2, routes=self.routes,
                        n_routes=len(routes))
        self.library.call("dcn_plan_create", byref(self.c), model.graph, byref(desc))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.library.c.dcn_plan_destroy(self.c)

    def forward(self, pictures):
        """(N,H,W,C) -> (N,H,W,C)"""
        x = np.ascontiguousarray(pictures, np.float32)
        assert x.shape == (self.batch,) + self.model.shape(0), (x.shape, self.model.shape(0))
        self.library.c.dcn_plan_forward(self.c, x.ctypes.data_as(c_void_p), self.batch)
        return self.value(self.model.output())

    def value(self, node):
        y = np.empty((self.batch,) + self.model.shape(node), np.float32)
        self.library.call("dcn_plan_value", self.c, node, y.ctypes.data_as(c_void_p))
        return y

    def project(self, route, start, channel):
        y = np.empty((self.batch,) + self.model.shape(0), np.float32)
        self.library.call("dcn_plan_project", self.c, route, start, channel,
                          y.ctypes.data_as(c_void_p))
        return y


def worst(got, want, relative=1e-4, absolute=2e-5):
    """How far got is beyond what is allowed: |got - want| over relative * |want| + absolute * the
    largest |want|. Up to 1 is right; infinity: another shape or not finite."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    if got.shape != want.shape or not np.isfinite(got).all() or not np.isfinite(want).all():
        return float("inf")
    allowed = relative * np.abs(want) + absolute * np.abs(want).max()
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.abs(got - want)
        return float(np.max(np.where(off == 0, 0, off / allowed), initial=0))


def lay_out(values, shape):
    """ONNX's value as (N,H,W,C) of this (H,W,C): (N,C), (N,C,H,W)."""
    h, w, c = shape
    if values.ndim == 4:
        return values.transpose(0, 2, 3, 1)
    return values.reshape(-1, h, w, c)
