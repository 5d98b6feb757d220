/* deconvnet.h - train convolutional networks and see what their layers respond to.
 *
 * A GRAPH says what to compute: it knows no batch, no memory and no device.
 * A PLAN says how: one graph, one engine, one fixed batch. Whatever can fail for want of
 * support or memory fails in dcn_plan_create, naming the node; later a step allocates nothing.
 * A RULE says how the same graph is walked backwards, from a layer to the pixels.
 *
 * Errors     A call that can fail returns a dcn_status and, if err is not NULL, writes one
 *            sentence there: "WHERE: WHAT; WHAT TO DO". The library never prints, never
 *            exits, and reads neither the environment nor global state.
 * Ownership  Results come first; they are NULL after a failure. _destroy and _close end what
 *            _create, _load and _open made; they accept NULL. A _desc is copied; a zero in it
 *            means the usual value. Strings returned belong to the object they were asked of.
 * Threads    One plan, trainer or data set serves one thread at a time. A graph that is not
 *            being built or trained may be read by many.
 * Tensors    float32, (N,H,W,C), row-major, in host memory. N pictures, H rows, W columns,
 *            C channels. Convolution kernels are (H,W,in,out) in a graph and (out,in,H,W)
 *            under PyTorch's names in files.
 */
#ifndef DECONVNET_H
#define DECONVNET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DCN_API __attribute__((visibility("default")))
#else
#define DCN_API
#endif

#define DCN_VERSION "0.1.0"

/* ---- status and errors --------------------------------------------------------------- */

/* The numbers are also the command's exit codes. */
typedef enum dcn_status {
    DCN_OK = 0,
    DCN_BUG = 1,          /* a mistake in deconvnet itself */
    DCN_USAGE = 2,        /* arguments, or a network description */
    DCN_INPUT = 3,        /* a file's bytes are refused */
    DCN_FILE = 4,         /* the file system */
    DCN_MEMORY = 5,
    DCN_NUMBERS = 6,      /* NaN or infinity */
    DCN_DEVICE = 7,
    DCN_NETWORK = 8,
    DCN_PEER = 9,
    DCN_STATE = 10,       /* a checkpoint does not fit the network, the data or this version */
    DCN_STOPPED = 130     /* a callback asked to stop */
} dcn_status;

typedef struct dcn_error {
    dcn_status status;
    char text[400];       /* valid UTF-8 without control bytes */
} dcn_error;

DCN_API const char *dcn_version(void);
/* How the library was built: "oneDNN 2.6.3, libpng 1.6.39, ...". */
DCN_API const char *dcn_build_text(void);

/* What a reader may cost. Zero means the usual limit, given at each member. */
typedef struct dcn_limits {
    int64_t max_pixels;       /* of one picture: 64 * 1024 * 1024 */
    int64_t max_side;         /* of one picture: 32768 */
    int64_t max_header_bytes; /* of a safetensors file: 8 MiB */
    int64_t max_text_bytes;   /* of a network description: 1 MiB */
    int64_t max_onnx_bytes;   /* of an ONNX file, and of each file of its external data: 2 GiB - 1
                                 and 64 GiB */
    int64_t max_nodes;        /* of an ONNX graph, of a model file's: 100,000; of a text: 1,000 */
} dcn_limits;

/* ---- graph: what ---------------------------------------------------------------------- */

typedef struct dcn_graph dcn_graph;
typedef int32_t dcn_node;                 /* -1 is "no node" */

typedef struct dcn_shape { int h, w, c; } dcn_shape;     /* of one picture: (H,W,C) */

typedef enum dcn_pad { DCN_PAD_SAME, DCN_PAD_VALID, DCN_PAD_EXPLICIT } dcn_pad;

typedef struct dcn_conv_desc {
    const char *name;         /* NULL: "conv1", "conv2", ... */
    int filters;              /* output channels: 1..65536 */
    int kernel[2];            /* rows, columns: 1..1024 */
    int stride[2];            /* 0: 1 */
    int dilation[2];          /* 0: 1 */
    int groups;               /* 0: 1 */
    dcn_pad pad_kind;         /* SAME as TensorFlow's: output = ceil(input / stride) */
    int pad[4];               /* top, left, bottom, right; with DCN_PAD_EXPLICIT */
    int no_bias;
    float init_stddev;        /* of the first weights; 0: sqrt(2 / fan-in), He et al. 2015 */
    float init_bias;          /* every first bias */
} dcn_conv_desc;

typedef struct dcn_pool_desc {
    const char *name;
    int window[2];            /* 0, 0: the whole picture */
    int stride[2];            /* 0: the window */
    dcn_pad pad_kind;
    int pad[4];
    int dilation[2];          /* max_pool; 0: 1 */
    int ceil;                 /* a last window may hang over the padded edge (ONNX's ceil_mode) */
    int count_pad;            /* avg_pool: cells of the padding count in the average */
} dcn_pool_desc;

typedef struct dcn_dense_desc {
    const char *name;
    int units;                /* 1..65536 */
    int no_bias;
} dcn_dense_desc;

typedef enum dcn_order { DCN_ORDER_CHW, DCN_ORDER_HWC } dcn_order;

DCN_API dcn_status dcn_graph_create(dcn_graph **graph, dcn_error *err);
DCN_API void dcn_graph_destroy(dcn_graph *graph);
DCN_API dcn_status dcn_graph_copy(dcn_graph **copy, const dcn_graph *graph, dcn_error *err);

/* Builders return the new node, or -1. The graph keeps its first error for dcn_graph_check,
 * so that a model reads from top to bottom without an if. name may be NULL. */
DCN_API dcn_node dcn_graph_input(dcn_graph *g, const char *name, dcn_shape shape);
DCN_API dcn_node dcn_graph_conv(dcn_graph *g, dcn_node x, const dcn_conv_desc *desc);
DCN_API dcn_node dcn_graph_relu(dcn_graph *g, dcn_node x, const char *name);
/* Ties: the first in row-major order wins. */
DCN_API dcn_node dcn_graph_max_pool(dcn_graph *g, dcn_node x, const dcn_pool_desc *desc);
/* Cells of the padding do not count in the average (TensorFlow's form) unless count_pad. */
DCN_API dcn_node dcn_graph_avg_pool(dcn_graph *g, dcn_node x, const dcn_pool_desc *desc);
/* x is flattened in (H,W,C) order. Weights and bias start as a convolution's do by default. */
DCN_API dcn_node dcn_graph_dense(dcn_graph *g, dcn_node x, const dcn_dense_desc *desc);
/* Values of one shape, n of them: 2..200. */
DCN_API dcn_node dcn_graph_add(dcn_graph *g, const dcn_node *x, int n, const char *name);
DCN_API dcn_node dcn_graph_concat(dcn_graph *g, const dcn_node *x, int n, const char *name);
DCN_API dcn_node dcn_graph_softmax(dcn_graph *g, dcn_node x, const char *name);
DCN_API dcn_node dcn_graph_log_softmax(dcn_graph *g, dcn_node x, const char *name);
/* y = x * weight + bias, a number each for every channel. batch_norm is the same with mean and
 * variance already inside them: weight = gamma / sqrt(var + eps), bias = beta - mean * weight. */
DCN_API dcn_node dcn_graph_scale(dcn_graph *g, dcn_node x, const char *name);
DCN_API dcn_node dcn_graph_batch_norm(dcn_graph *g, dcn_node x, const char *name);
/* One number in, one out. op: clip (0..alpha; ReLU6: alpha 6), hard_tanh (alpha..beta),
 * leaky_relu (slope alpha), sigmoid, hard_sigmoid (clip of alpha*x + beta to 0..1), tanh, silu,
 * hard_swish, gelu (alpha 1: the tanh form), mish, elu (alpha), selu (alpha, beta: gamma),
 * softplus. Formulas: docs/ops/activations.md. */
DCN_API dcn_node dcn_graph_activation(dcn_graph *g, dcn_node x, const char *op, float alpha,
                                      float beta, const char *name);
DCN_API dcn_node dcn_graph_prelu(dcn_graph *g, dcn_node x, const char *name); /* a slope a channel */
/* y = x / (k + alpha/size * (sum of x^2 over `size` channels about it))^beta */
typedef struct dcn_lrn_desc { const char *name; int size; float alpha, beta, k; } dcn_lrn_desc;
DCN_API dcn_node dcn_graph_lrn(dcn_graph *g, dcn_node x, const dcn_lrn_desc *desc);
/* x * gate; the gate has x's shape or is 1x1xC. The rules hold it constant: docs/rules. */
DCN_API dcn_node dcn_graph_mul(dcn_graph *g, dcn_node x, dcn_node gate, const char *name);
/* pad: rows and columns put on at the top, left, bottom, right; negative: cut off. */
DCN_API dcn_node dcn_graph_pad(dcn_graph *g, dcn_node x, const int pad[4], float value,
                               const char *name);
/* Channels first .. first + count - 1. */
DCN_API dcn_node dcn_graph_slice(dcn_graph *g, dcn_node x, int first, int count, const char *name);
/* Channel (a, b) of (groups, C/groups) becomes (b, a): ShuffleNet's. */
DCN_API dcn_node dcn_graph_shuffle(dcn_graph *g, dcn_node x, int groups, const char *name);
/* The same elements, taken and laid down in this order, in another shape. */
DCN_API dcn_node dcn_graph_reshape(dcn_graph *g, dcn_node x, dcn_shape shape, dcn_order order,
                                   const char *name);
DCN_API dcn_status dcn_graph_check(const dcn_graph *g, dcn_error *err);

/* A network as text, one node a line or between semicolons (docs/formats/network.md):
 *     input 24x24x3; conv filters=64 kernel=5; relu; max_pool 2; ...
 * `where` stands in errors as WHERE:line:column. */
DCN_API dcn_status dcn_graph_parse(dcn_graph **graph, const char *text, size_t bytes,
                                   const char *where, const dcn_limits *limits, dcn_error *err);
/* The same text, canonical. Like snprintf: returns the length needed without the NUL; 0 without
 * memory. */
DCN_API size_t dcn_graph_text(const dcn_graph *g, char *text, size_t size);
/* The tutorial's network for pictures of `channels` channels and `classes` classes. */
DCN_API dcn_status dcn_graph_tutorial(dcn_graph **graph, int channels, int classes, dcn_error *err);

/* First weights: truncated normal (beyond 2 standard deviations drawn again). DCN_MEMORY, before
 * anything is allocated, if they need more than 80 % of the memory. */
DCN_API dcn_status dcn_graph_init_weights(dcn_graph *g, uint64_t seed, dcn_error *err);

/* What a unit of a node sees: rows [start + i*stride, start + i*stride + size) of the input. */
typedef struct dcn_field { int start[2], size[2], stride[2]; } dcn_field;

/* Rows top..bottom-1 and columns left..right-1 of a picture. */
typedef struct dcn_box {
    int top, left, bottom, right;
    int clipped;              /* the field goes on beyond the picture's border */
} dcn_box;

typedef struct dcn_node_info {
    const char *name;         /* unique in the graph */
    const char *origin;       /* in the ONNX file it came from; NULL: none */
    const char *op;           /* "conv", "relu", ... */
    dcn_shape shape;          /* of the node's value */
    int n_inputs;
    const dcn_node *inputs;
    int64_t n_weights;        /* parameters of this node */
    dcn_field field;
    int is_layer;             /* ends a conv or dense layer with what belongs to it alone: its
                                 norm, activation, max pool, gate, the sum whose longest branch it is */
    dcn_node head;            /* of a layer: the conv or dense that makes it; else -1 */
} dcn_node_info;

DCN_API int dcn_graph_node_count(const dcn_graph *g);
DCN_API void dcn_graph_node_info(const dcn_graph *g, dcn_node node, dcn_node_info *info);
DCN_API dcn_node dcn_graph_find(const dcn_graph *g, const char *name);   /* -1: none */
DCN_API dcn_node dcn_graph_output(const dcn_graph *g);
/* The output, or the input of its final softmax: where the classes' scores are. */
DCN_API dcn_node dcn_graph_logits(const dcn_graph *g);
/* The exact receptive field of unit (row y, column x), clipped at the border. Exact also where
 * branches of different strides meet: computed back through the graph, the union over branches. */
DCN_API dcn_status dcn_graph_box(const dcn_graph *g, dcn_node node, int y, int x, dcn_box *box,
                                 dcn_error *err);
/* Forward multiply-adds times two, of one picture. */
DCN_API double dcn_graph_flops(const dcn_graph *g);

typedef struct dcn_weight_info {
    const char *name;         /* PyTorch's: "conv1.weight", "conv1.bias" */
    dcn_node node;
    int rank;                 /* 4: (H,W,in,out); 2: (in,out); 1: (out) */
    int64_t dims[4];
    int64_t count;
    const float *data;        /* NULL until the weights are made or set */
} dcn_weight_info;

DCN_API int dcn_graph_weight_count(const dcn_graph *g);
DCN_API void dcn_graph_weight_info(const dcn_graph *g, int i, dcn_weight_info *info);
/* data: dims of dcn_weight_info, count floats, copied. DCN_STATE: another count. */
DCN_API dcn_status dcn_graph_set_weight(dcn_graph *g, int i, const float *data, int64_t count,
                                        dcn_error *err);

/* ---- plan: how ------------------------------------------------------------------------- */

typedef struct dcn_plan dcn_plan;

typedef enum dcn_rule {
    DCN_RULE_RECONSTRUCT,     /* the tutorial: s - b before each transposed convolution, no ReLU */
    DCN_RULE_DECONVNET,       /* Zeiler & Fergus 2014: max(s,0) */
    DCN_RULE_GUIDED,          /* Springenberg et al. 2014: max(s,0) * (x > 0) */
    DCN_RULE_GRADIENT,        /* Simonyan et al. 2013: s * (x > 0) */
    DCN_RULE_LINEAR           /* s, and no bias: the network without its rectifiers */
} dcn_rule;

typedef enum dcn_from {
    DCN_FROM_LAYER,           /* start from all activations of the layer */
    DCN_FROM_CHANNEL,         /* from one channel's */
    DCN_FROM_PEAK,            /* from that channel's largest: of equals the first in row-major
                                 order; a NaN only where there is no number */
    DCN_FROM_ZERO,            /* from nothing: what the biases alone draw (reconstruct) */
    DCN_FROM_UNIT             /* from one unit's (dcn_start) */
} dcn_from;

DCN_API const char *dcn_rule_name(dcn_rule rule);                  /* "reconstruct", ... */
DCN_API const char *dcn_from_name(dcn_from from);                  /* "layer", ... */
DCN_API int dcn_rule_find(const char *name);                       /* -1: none */
DCN_API int dcn_from_find(const char *name);

/* Mahendran & Vedaldi 2016: a rule is three bits. mask and rectify make gradient (1,0), deconvnet
 * (0,1), guided (1,1) and linear (0,0); without switches a pool's signal goes to the middle of
 * its window. */
/* Other programs change the derivative of some operators and leave the rest as it is
 * (docs/rules/compat.md): all other operators take their true derivative. */
typedef enum dcn_only {
    DCN_ONLY_ALL,             /* the rule holds everywhere */
    DCN_ONLY_RELU,            /* at relu alone */
    DCN_ONLY_RELU_LRN         /* at relu and lrn */
} dcn_only;

typedef struct dcn_route {
    dcn_node layer;
    dcn_rule rule;
    int no_switches;
    int extend;               /* draw where the rule is undefined, as ops.def's last columns say */
    dcn_only only;
} dcn_route;

/* Where one walk down starts (dcn_plan_project_starts). */
typedef struct dcn_start {
    int picture;              /* of the last forward, from 0 */
    dcn_from from;
    int channel;              /* CHANNEL, PEAK, UNIT */
    int y, x;                 /* UNIT */
    int ones;                 /* begin with 1 in place of the activations (0 stays where no unit
                                 is chosen) */
} dcn_start;

typedef struct dcn_plan_desc {
    const char *engine;       /* "cpu" (the usual), "ref" or "ref64" */
    int batch;                /* pictures a step; 0: 1 */
    int threads;              /* 0: all cores; results do not depend on it, but where they work
                                 inside the layers of a single picture (dcn_plan_text says so) a last
                                 bit may: give `chunk` */
    int training;             /* gradients and a loss */
    int keep_all;             /* keep every value and every signal for dcn_plan_value / _signal */
    const dcn_route *routes;  /* the ways down that dcn_plan_project may take */
    int n_routes;
    int together;             /* few pictures: a thread a route in dcn_plan_project_all, which then
                                 wants no thread to wait for another; not with keep_all */
    int starts;               /* how many dcn_plan_project_starts may take at once; 0: none */
    int no_cones;             /* starts at one unit go the whole way as well: to measure it */
    const dcn_node *peaks;    /* nodes whose largest values each forward finds (dcn_plan_peaks) */
    int n_peaks;
    int only_asked;           /* compute what routes and peaks need, not the network's output */
    int chunk;                /* pictures that a thread takes together; 0: by the batch. The bits of
                                 a result may depend on it, never on batch or threads beside it */
    int exact;                /* convolutions by the definition alone; else some of the engine cpu are
                                 by Winograd's method, whose rounding is a few times larger
                                 (docs/performance.md); winners of max pools are the same */
    size_t max_bytes;         /* refuse a plan that needs more; 0: 80 % of the memory */
} dcn_plan_desc;

/* Borrows the graph (and, where it can, its weights) until dcn_plan_destroy. DCN_USAGE: an
 * operator without the rule, or weights without values; DCN_MEMORY: more than max_bytes. */
DCN_API dcn_status dcn_plan_create(dcn_plan **plan, const dcn_graph *g, const dcn_plan_desc *desc,
                                   dcn_error *err);
DCN_API void dcn_plan_destroy(dcn_plan *plan);
DCN_API size_t dcn_plan_bytes(const dcn_plan *plan);               /* all memory it holds */
/* How the work is cut: "16 chunks of 8 pictures on 2 threads, cpu engine (avx512_core)", and behind
 * it ", exact" if the description's `exact` makes a difference: for ref it makes none. */
DCN_API const char *dcn_plan_text(const dcn_plan *plan);

/* images: n pictures (n,H,W,C), n <= batch. */
DCN_API void dcn_plan_forward(dcn_plan *plan, const float *images, int n);
/* The value of a node in the last forward, (n,H,W,C). Without keep_all only the network's output,
 * the layers of its routes and the input are there; DCN_USAGE says so. */
DCN_API dcn_status dcn_plan_value(const dcn_plan *plan, dcn_node node, float *out, dcn_error *err);
/* A max pool's switches in TensorFlow's form, (n,h,w,C): (y*W + x)*C + c in the pool's input. */
DCN_API dcn_status dcn_plan_switches(const dcn_plan *plan, dcn_node pool, int64_t *out,
                                     dcn_error *err);
/* Replaces the switches of the last forward, count = n*h*w*C. Every index is checked: in range, the
 * right channel, inside its own window; DCN_INPUT otherwise, and nothing is changed. */
DCN_API dcn_status dcn_plan_set_switches(dcn_plan *plan, dcn_node pool, const int64_t *switches,
                                         int64_t count, dcn_error *err);
/* Walks route number `route` down for the pictures of the last forward. out: (n,H,W,C). */
DCN_API dcn_status dcn_plan_project(dcn_plan *plan, int route, dcn_from from, int channel,
                                    float *out, dcn_error *err);
/* Every route for the pictures of the last forward, from the layer or ZERO, or from this channel
 * of each. out: (routes,n,H,W,C). */
DCN_API dcn_status dcn_plan_project_all(dcn_plan *plan, dcn_from from, int channel, float *out,
                                        dcn_error *err);
/* The same for n starts at once (n <= starts of the description), each of any picture of the last
 * forward. out: (n,H,W,C). A start at one unit computes only what the unit can see. */
DCN_API dcn_status dcn_plan_project_starts(dcn_plan *plan, int route, const dcn_start *starts,
                                           int n, float *out, dcn_error *err);
/* The unit that DCN_FROM_PEAK takes: channel's largest value in a picture of the last forward. */
DCN_API dcn_status dcn_plan_peak(const dcn_plan *plan, dcn_node layer, int picture, int channel,
                                 int *y, int *x, float *value, dcn_error *err);
/* For a node of the description's peaks: each channel's largest value in each picture of the last
 * forward, and where: y*W + x, of equals the first; a NaN is larger than any number. Both (n,C). */
DCN_API dcn_status dcn_plan_peaks(const dcn_plan *plan, dcn_node node, float *values,
                                  int32_t *cells, dcn_error *err);
/* What on this way is an extension beyond the papers: "gate held constant at b0.mul, silu
 * rectified at b0.act and 12 more"; NULL: nothing. */
DCN_API const char *dcn_plan_extensions(const dcn_plan *plan, int route);
/* After dcn_plan_project, with keep_all: the signal at a node's value, (n,H,W,C). A node that
 * the walk did not pass is DCN_USAGE. */
DCN_API dcn_status dcn_plan_signal(const dcn_plan *plan, dcn_node node, float *out, dcn_error *err);

typedef struct dcn_loss { double loss; int correct; int n; } dcn_loss;   /* loss: mean over n */

/* Forward, loss (mean cross-entropy) and gradients. labels: (n), 0..classes-1. Values are gone
 * afterwards: dcn_plan_value and dcn_plan_project want a dcn_plan_forward first. */
DCN_API dcn_status dcn_plan_gradient(dcn_plan *plan, const float *images, const int32_t *labels,
                                     int n, dcn_loss *loss, dcn_error *err);
/* The gradient of weight i of the graph after dcn_plan_gradient, in the weight's dims. */
DCN_API dcn_status dcn_plan_weight_gradient(const dcn_plan *plan, int i, float *out,
                                            dcn_error *err);
/* One step of Adam on the plan's own copy of the weights, TensorFlow's form (beta 0.9, 0.999,
 * epsilon 1e-8). A gradient that is not finite is refused (DCN_NUMBERS) before anything changes. */
DCN_API dcn_status dcn_plan_adam(dcn_plan *plan, float rate, dcn_error *err);
/* Writes the plan's weights back into a graph of the same form; DCN_STATE if it is another. */
DCN_API dcn_status dcn_plan_store_weights(const dcn_plan *plan, dcn_graph *g, dcn_error *err);

/* Measured fused multiply-add peak of `threads` cores, GFLOP/s; takes about 0.1 s. */
DCN_API double dcn_machine_peak(int threads);
DCN_API int dcn_machine_threads(void);
/* How many of so many threads (1..1024) the system lets run at once now: a limit of processes or of
 * memory may allow fewer. Plans and trainers ask for no more than that, with the same results. */
DCN_API int dcn_machine_startable(int threads);

/* ---- pictures -------------------------------------------------------------------------- */

typedef struct dcn_image { int h, w, c; uint8_t *pixels; } dcn_image;    /* (H,W,C), C 1 or 3 */

/* PNG and JPEG, found by signature. Grey stays 1 channel, all else becomes RGB (alpha over
 * white). DCN_INPUT: not such a picture, damaged, or beyond a limit. */
DCN_API dcn_status dcn_image_load(dcn_image *image, const char *path, const dcn_limits *limits,
                                  dcn_error *err);
/* texts: pairs keyword, value, ended by NULL; may be NULL. Path "-" is standard output. */
DCN_API dcn_status dcn_image_save_png(const dcn_image *image, const char *path,
                                      const char *const *texts, dcn_error *err);
DCN_API void dcn_image_clear(dcn_image *image);
/* The PNG and JPEG files, by content, of a folder and of those below it, in bytewise order of their
 * paths; hidden names are passed over. DCN_INPUT: none, or more than 1,048,576. */
DCN_API dcn_status dcn_pictures_list(char ***paths, int *n, const char *path, dcn_error *err);
DCN_API void dcn_pictures_free(char **paths, int n);

/* ---- data ------------------------------------------------------------------------------ */

typedef enum dcn_split { DCN_SPLIT_TRAIN, DCN_SPLIT_TEST } dcn_split;

typedef enum dcn_augment { DCN_AUGMENT_NONE, DCN_AUGMENT_CIFAR } dcn_augment;

typedef enum dcn_normalize {
    DCN_NORMALIZE_STANDARDIZE,    /* (x - mean) / max(stddev, 1/sqrt(values)), per picture */
    DCN_NORMALIZE_NONE,           /* x / 255 */
    DCN_NORMALIZE_MEAN            /* (x / 255 - mean) / std, per channel of the picture */
} dcn_normalize;

/* From a picture to a network's input: resized so that it covers h x w if it is smaller or
 * `resize` is set, centre crop h x w, grey <-> colour to c channels, normalised. With `side`, to
 * the bit what torchvision's Resize, CenterCrop and Normalize make of a PIL picture. For the eye:
 * NONE and bgr 0. */
typedef struct dcn_preprocess {
    dcn_shape shape;              /* of the input; C 1 or 3 */
    dcn_normalize normalize;
    int resize;                   /* scale the shorter side to fit instead of cropping only */
    int side;                     /* with resize: the shorter side becomes this; 0: just covers */
    float mean[3], std[3];        /* MEAN: in units of x / 255, in the order R, G, B; C 1: the
                                     first */
    int bgr;                      /* the network wants blue first */
} dcn_preprocess;

/* The usual ways, by name: imagenet (torchvision: side 256 for 224, mean .485 .456 .406, std .229
 * .224 .225), caffe (BGR, 0..255 less 103.939 116.779 123.68), tf (-1..1), cifar10 (mean .4914
 * .4822 .4465, std .2470 .2435 .2616), standardize, none. DCN_USAGE: no such name. */
DCN_API dcn_status dcn_preprocess_named(dcn_preprocess *p, const char *name, dcn_shape shape,
                                        dcn_error *err);
/* "24x24x3 standardize", "224x224x3 side=256 mean=... std=..." and back. dcn_preprocess_text is
 * like snprintf. */
DCN_API size_t dcn_preprocess_text(const dcn_preprocess *p, char *text, size_t size);
DCN_API dcn_status dcn_preprocess_parse(dcn_preprocess *p, const char *text, dcn_error *err);
/* out: shape.h * shape.w * shape.c floats. */
DCN_API dcn_status dcn_preprocess_image(const dcn_preprocess *p, const dcn_image *image, float *out,
                                        dcn_error *err);

typedef struct dcn_data dcn_data;

typedef struct dcn_data_info {
    const char *kind;             /* "CIFAR-10", "IDX", "image folder", "pictures", "synthetic" */
    const char *path;
    const char *name;             /* "CIFAR-10", "Fashion-MNIST", the folder's name, ... */
    dcn_shape shape;              /* of a raw picture; h = w = 0: they differ */
    int64_t count[2];             /* pictures per split */
    int classes;                  /* 0: the pictures have no labels; each is -1 */
    const char *const *class_names;
} dcn_data_info;

/* path: a CIFAR-10 folder (binary version), a folder of IDX files (also .gz), an image folder
 * ROOT/train/CLASS/FILE, ROOT/test/CLASS/FILE, any other folder of pictures (as in
 * dcn_pictures_list: its test split, without labels), or "synthetic". All labels and sizes are
 * checked here; pictures of a folder are decoded when they are asked for. */
DCN_API dcn_status dcn_data_open(dcn_data **data, const char *path, const dcn_limits *limits,
                                 dcn_error *err);
DCN_API void dcn_data_close(dcn_data *data);
DCN_API void dcn_data_info_get(const dcn_data *data, dcn_data_info *info);
/* A fingerprint of names, counts, labels and pixels (files: sizes) for checkpoints. */
DCN_API uint64_t dcn_data_hash(const dcn_data *data);
DCN_API dcn_status dcn_data_picture(const dcn_data *data, dcn_split split, int64_t i,
                                    dcn_image *image, int *label, dcn_error *err);
/* One network input, out: (H,W,C) of p->shape. With augmentation the random numbers are those
 * of (seed, epoch, i) and of nothing else. */
DCN_API dcn_status dcn_data_sample(const dcn_data *data, dcn_split split, int64_t i,
                                   const dcn_preprocess *p, dcn_augment augment, uint64_t seed,
                                   int64_t epoch, float *out, int32_t *label, dcn_error *err);
/* Reads every picture of both splits; the first that is not whole is refused. */
DCN_API dcn_status dcn_data_verify(const dcn_data *data, dcn_error *err);
/* The picture's file below the set's folder; NULL: it is not a file of its own. */
DCN_API const char *dcn_data_file(const dcn_data *data, dcn_split split, int64_t i);
/* Where the motif of a synthetic picture was planted: rows y..y+size-1, columns x..x+size-1. */
DCN_API dcn_status dcn_data_motif(const dcn_data *data, dcn_split split, int64_t i, int *y, int *x,
                                  int *size, dcn_error *err);
/* The crop and normalisation that a network of this input shape usually gets from these data. */
DCN_API void dcn_data_preprocess(const dcn_data *data, dcn_shape shape, dcn_preprocess *p);

typedef int (*dcn_progress)(void *user, int64_t done, int64_t total);   /* not 0: stop */

/* Downloads and unpacks the official CIFAR-10 archive (binary version) below `folder`:
 * resumable, checked by SHA-256, atomic. url NULL: the official one. */
DCN_API dcn_status dcn_fetch_cifar10(const char *folder, const char *url, dcn_progress progress,
                                     void *user, dcn_error *err);

/* ---- model files ----------------------------------------------------------------------- */

/* A network with its weights, and what is needed to use it on a picture. */
typedef struct dcn_model {
    dcn_graph *graph;
    dcn_preprocess preprocess;
    int classes;
    char **class_names;           /* may be NULL */
    int64_t step;                 /* training steps so far */
    char hash[17];                /* of the file's bytes, hexadecimal */
    char guess[200];              /* what the file did not say and how it was guessed; "": nothing */
} dcn_model;

/* safetensors (docs/formats/model.md) or ONNX (docs/formats/onnx.md), by content. */
DCN_API dcn_status dcn_model_load(dcn_model *model, const char *path, const dcn_limits *limits,
                                  dcn_error *err);
DCN_API dcn_status dcn_model_save(const dcn_model *model, const char *path, dcn_error *err);
DCN_API void dcn_model_clear(dcn_model *model);

typedef struct dcn_onnx_desc {
    int height, width;            /* of the picture, where the file leaves them open; 0: 224 */
    dcn_limits limits;
} dcn_onnx_desc;
/* An ONNX file, and its external data below the file's folder. desc may be NULL. DCN_INPUT names
 * the node or the offset: an operator that is not supported (with its opset and what is), a shape
 * that does not fit, a damaged or hostile file. */
DCN_API dcn_status dcn_onnx_load(dcn_model *model, const char *path, const dcn_onnx_desc *desc,
                                 dcn_error *err);
/* Writes any network as ONNX (opset 17; NCHW, batch open), weights inside. */
DCN_API dcn_status dcn_onnx_save(const dcn_model *model, const char *path, dcn_error *err);

/* Class names, one a line; or a JSON list, or an object {"0": "name", ...}. Replaces the model's.
 * DCN_INPUT: their number is not the number of classes. */
DCN_API dcn_status dcn_model_labels(dcn_model *model, const char *path, dcn_error *err);

/* ---- training -------------------------------------------------------------------------- */

typedef struct dcn_trainer dcn_trainer;

typedef struct dcn_train_desc {
    const char *engine;           /* as in dcn_plan_desc */
    int batch;                    /* 0: 128 */
    int threads;                  /* 0: all cores */
    float rate;                   /* of Adam; 0: 1e-4 */
    uint64_t seed;                /* of first weights, order and augmentation */
    dcn_augment augment;          /* NONE: the files' order; CIFAR: shuffled and distorted */
    int exact;                    /* as in dcn_plan_desc */
    size_t max_bytes;             /* as in dcn_plan_desc */
} dcn_train_desc;

/* The settings (batch, rate, seed, augment, exact) with which a checkpoint's training ran; the
 * other members stay as they are. DCN_STATE: a model, but without a training state. */
DCN_API dcn_status dcn_train_desc_load(dcn_train_desc *desc, const char *path, dcn_error *err);

typedef struct dcn_train_report {
    int64_t step;                 /* steps done, this one included */
    double epoch;
    double loss;                  /* of this step's batch, before its update */
    double accuracy;              /* likewise, 0..1 */
    double step_ms, wait_ms;      /* the whole step; of that, waiting for data */
} dcn_train_report;

/* Takes the graph's present weights as the first ones. data is borrowed. */
DCN_API dcn_status dcn_trainer_create(dcn_trainer **trainer, const dcn_graph *g,
                                      const dcn_data *data, const dcn_train_desc *desc,
                                      dcn_error *err);
DCN_API void dcn_trainer_destroy(dcn_trainer *t);
DCN_API dcn_status dcn_trainer_step(dcn_trainer *t, dcn_train_report *report, dcn_error *err);
/* Loss and accuracy on the batch of the last step with the weights after it (the figure that
 * the tutorial prints). */
DCN_API dcn_status dcn_trainer_batch_accuracy(dcn_trainer *t, dcn_loss *loss, dcn_error *err);
/* The network with its present weights; valid until the next step. */
DCN_API dcn_status dcn_trainer_model(dcn_trainer *t, const dcn_model **model, dcn_error *err);
/* Weights and optimiser state, atomically. Loading it continues bit for bit; but the file holds
 * float32, to which the doubles of engine ref64 are rounded. */
DCN_API dcn_status dcn_trainer_save(dcn_trainer *t, const char *path, dcn_error *err);
/* DCN_STATE if the file was made with another network, data set, batch, seed or setting. After a
 * failure the trainer is what it was. */
DCN_API dcn_status dcn_trainer_load(dcn_trainer *t, const char *path, dcn_error *err);

typedef struct dcn_evaluation {
    int64_t n, correct;
    double loss;                  /* mean */
    int classes;
    int64_t *confusion;           /* (classes,classes): [truth][answer]; dcn_evaluation_clear */
    int64_t first_n, first_correct;   /* the first `batch` pictures: the tutorial's figure */
    double ms;
} dcn_evaluation;

/* desc may be NULL; of it engine, batch (0: 128), threads, exact and max_bytes count. progress may
 * be NULL. */
DCN_API dcn_status dcn_evaluate(dcn_evaluation *result, const dcn_model *model,
                                const dcn_data *data, dcn_split split, const dcn_plan_desc *desc,
                                dcn_progress progress, void *user, dcn_error *err);
DCN_API void dcn_evaluation_clear(dcn_evaluation *result);

/* ---- atlas: what every channel responds to most in a data set ---------------------------- */

/* One pass forward over the pictures finds for each channel of each layer its strongest units, at
 * most one a picture; those are projected to pixels and laid out as a book. Whatever the batch, the
 * threads and the shards, the results are the same bytes. */
typedef struct dcn_atlas dcn_atlas;

typedef enum dcn_pictures {
    DCN_PICTURES_TEST, DCN_PICTURES_TRAIN,
    DCN_PICTURES_ALL              /* train's, numbered on through test's */
} dcn_pictures;

typedef struct dcn_atlas_desc {
    const dcn_node *layers;       /* each once; n_layers 0: every layer of the network */
    int n_layers;
    int top;                      /* units a channel: 1..100; 0: 9 */
    dcn_pictures pictures;
    int shard, shards;            /* scan part `shard` (from 0) of so many; shards 0: all */
    dcn_route way;                /* how to walk down; its layer does not count */
    int tile;                     /* longest side of a tile in the book, pixels: 8..512; 0: 96 */
    const char *engine;           /* as in dcn_plan_desc */
    int batch;                    /* pictures a step of the scan; 0: what suits the network */
    int threads;
    int exact;                    /* as in dcn_plan_desc: of the scan and of the drawing */
    size_t max_bytes;             /* of each plan */
} dcn_atlas_desc;

/* Borrows model and data. Whatever the scan and the drawing could fail for (a rule, a shape,
 * memory) fails here. */
DCN_API dcn_status dcn_atlas_create(dcn_atlas **atlas, const dcn_model *model, const dcn_data *data,
                                    const dcn_atlas_desc *desc, dcn_error *err);
DCN_API void dcn_atlas_destroy(dcn_atlas *atlas);
/* The most memory that scan and drawing will hold, and the most disk beside the book itself. They
 * do not depend on the number of pictures. */
DCN_API size_t dcn_atlas_bytes(const dcn_atlas *atlas);
DCN_API uint64_t dcn_atlas_disk(const dcn_atlas *atlas);
/* How it will go: "3 layers, 138 channels; scan in steps of 16 chunks of 8 pictures, ...". */
DCN_API const char *dcn_atlas_text(const dcn_atlas *atlas);

/* Scans from where it is to the end of its shard. file, unless NULL, is where the state goes every
 * 10 seconds, when progress asks to stop (DCN_STOPPED) and at the end. DCN_NUMBERS names the
 * picture whose values are not finite. */
DCN_API dcn_status dcn_atlas_scan(dcn_atlas *atlas, const char *file, dcn_progress progress,
                                  void *user, dcn_error *err);
DCN_API int64_t dcn_atlas_pictures(const dcn_atlas *atlas);        /* of its shard */
DCN_API int64_t dcn_atlas_scanned(const dcn_atlas *atlas);
/* The state of a scan (docs/formats/atlas.md), atomically. Load continues it: DCN_STATE if it is of
 * another model, data set, preprocessing, engine (exact or not), layers, top or shard. A whole scan
 * is taken by an atlas with fewer layers or a smaller top, too. */
DCN_API dcn_status dcn_atlas_save(const dcn_atlas *atlas, const char *file, dcn_error *err);
DCN_API dcn_status dcn_atlas_load(dcn_atlas *atlas, const char *file, dcn_error *err);
/* The finished shards of one scan, all of them, into an atlas without shards: as if it had scanned
 * by itself. DCN_STATE names the one that is missing, twice there, unfinished or does not fit. */
DCN_API dcn_status dcn_atlas_merge(dcn_atlas *atlas, const char *const *files, int n,
                                   dcn_error *err);

/* What the state of a scan says of itself, without its model and data. */
typedef struct dcn_scan {
    char model[24], data[24];     /* fingerprints, 16 hexadecimal digits */
    char preprocess[400];
    char engine[64];              /* "cpu (oneDNN 2.6.3, avx2)", behind it perhaps ", exact" */
    dcn_pictures pictures;
    int64_t total;                /* pictures of all shards */
    int top, shard, shards;       /* shard from 0; shards 1: all */
    int64_t first, end, next;     /* of this shard first..end-1, scanned first..next-1 */
    int n_layers;
    char **layers;                /* (n_layers): names */
    int64_t *channels;            /* (n_layers) */
} dcn_scan;
/* Reads all of the file, and checks its sum and its shapes. */
DCN_API dcn_status dcn_scan_read(dcn_scan *scan, const char *file, const dcn_limits *limits,
                                 dcn_error *err);
DCN_API void dcn_scan_clear(dcn_scan *scan);

typedef struct dcn_atlas_unit {
    int64_t picture;              /* among the scanned, from 0 */
    float value;                  /* not 0: a unit at 0 does not respond */
    int y, x;
} dcn_atlas_unit;

typedef enum dcn_channel_kind {
    DCN_CHANNEL_USUAL,
    DCN_CHANNEL_DEAD,             /* above 0 on no picture; where no activation ends the layer, 0 on
                                     every one */
    DCN_CHANNEL_SATURATED,        /* the same largest value on every picture */
    DCN_CHANNEL_DUPLICATE         /* on every picture what an earlier channel is, value and place */
} dcn_channel_kind;

typedef struct dcn_atlas_channel {
    const dcn_atlas_unit *top;    /* by falling value; of equals the earlier picture */
    int n_top;
    int64_t fired;                /* pictures on which it is above 0 somewhere */
    dcn_channel_kind kind;
    int same_as;                  /* DUPLICATE: the first such channel; else -1 */
    char reason[120];             /* "never fired on 10,000 pictures"; "": USUAL */
} dcn_atlas_channel;

DCN_API int dcn_atlas_layer_count(const dcn_atlas *atlas);
DCN_API dcn_node dcn_atlas_layer(const dcn_atlas *atlas, int i);
/* Valid until the atlas scans, loads or merges. */
DCN_API dcn_status dcn_atlas_channel_get(const dcn_atlas *atlas, int layer, int channel,
                                         dcn_atlas_channel *out, dcn_error *err);

typedef enum dcn_raw { DCN_RAW_NONE, DCN_RAW_SAFETENSORS, DCN_RAW_NPZ } dcn_raw;

typedef struct dcn_book_desc {
    const char *title, *model_name;   /* NULL: made of what is known */
    int single;                   /* one HTML file with everything inside, and atlas.json */
    dcn_raw raw;                  /* projections as float32 as well, in raw/ */
} dcn_book_desc;

/* DCN_FILE if a book written into this folder, which need not exist, would take the place of files
 * that are not a book's. dcn_atlas_draw asks it, too. */
DCN_API dcn_status dcn_atlas_check_folder(const char *folder, dcn_error *err);
/* Projects the units of the scan, which must be complete, and writes the book into a folder:
 * index.html, atlas.json, tiles (docs/formats/atlas.md). What an interrupted call drew is used
 * again. index.html comes last: until then the old book stands. desc may be NULL. progress counts
 * units; from its first call on dcn_atlas_disk counts raw projections, if they are asked for. */
DCN_API dcn_status dcn_atlas_draw(dcn_atlas *atlas, const char *folder, const dcn_book_desc *desc,
                                  dcn_progress progress, void *user, dcn_error *err);

/* ---- views: arrays in, bytes out --------------------------------------------------------- */

typedef enum dcn_scale {
    DCN_SCALE_AUTO,               /* per panel, by its dcn_panel_kind */
    DCN_SCALE_TF1                 /* TensorFlow 1's image summary: one map for the whole strip */
} dcn_scale;

typedef enum dcn_panel_kind {
    DCN_PANEL_SIGNED,             /* grey is zero, the scale is printed below */
    DCN_PANEL_PHOTO,              /* a picture: its smallest value black, its largest white */
    DCN_PANEL_UNIT                /* a picture whose 0 is black and whose 1 is white */
} dcn_panel_kind;

/* One panel: float values (h,w,c), c 1 or 3. */
typedef struct dcn_panel {
    const float *values;
    dcn_shape shape;
    const char *title;            /* UTF-8, may be NULL; lines after the first are fainter */
    dcn_panel_kind kind;          /* how DCN_SCALE_AUTO shows it */
    const dcn_box *box;           /* drawn as a frame over the panel; may be NULL */
} dcn_panel;

typedef struct dcn_sheet_desc {
    const dcn_panel *panels;      /* (rows,columns), row-major */
    int rows, columns;
    const char *const *row_titles;    /* (rows), may be NULL */
    dcn_scale scale;
    int zoom;                     /* screen pixels a pixel; 0: about 8 for small pictures */
    int bare;                     /* no headings, no margins, zoom 1: the strip alone */
    const char *caption;          /* below, in as many lines as it takes; may be NULL */
    /* NULL, or called before each row is drawn, to put `values` into its panels (columns); shapes
     * and titles stand there already. So a sheet of thousands of panels holds one row of them. */
    dcn_status (*fill)(void *user, int row, dcn_panel *panels, dcn_error *err);
    void *user;
} dcn_sheet_desc;

/* Draws panels with their headings and the scale of each. dcn_image_clear(image). */
DCN_API dcn_status dcn_sheet_draw(dcn_image *image, const dcn_sheet_desc *desc, dcn_error *err);
/* TensorFlow 1's bytes of one picture: values (h,w,c) to out (h,w,c). */
DCN_API void dcn_scale_tf1(const float *values, dcn_shape shape, uint8_t *out);

/* TensorBoard event file. Steps, tags and values as TensorFlow 1 writes them. */
typedef struct dcn_events dcn_events;
typedef struct dcn_graph_view {   /* a node for TensorBoard's graph page */
    const char *name, *op;
    const char *const *inputs;
    int n_inputs;
    dcn_shape shape;
} dcn_graph_view;

DCN_API dcn_status dcn_events_create(dcn_events **events, const char *folder, dcn_error *err);
DCN_API dcn_status dcn_events_close(dcn_events *events, dcn_error *err);
DCN_API const char *dcn_events_path(const dcn_events *events);
DCN_API dcn_status dcn_events_graph(dcn_events *e, const dcn_graph_view *nodes, int n,
                                    dcn_error *err);
DCN_API dcn_status dcn_events_scalar(dcn_events *e, const char *tag, int64_t step, float value,
                                     dcn_error *err);
DCN_API dcn_status dcn_events_histogram(dcn_events *e, const char *tag, int64_t step,
                                        const float *values, int64_t n, dcn_error *err);
DCN_API dcn_status dcn_events_image(dcn_events *e, const char *tag, int64_t step,
                                    const dcn_image *image, dcn_error *err);
DCN_API dcn_status dcn_events_flush(dcn_events *e, dcn_error *err);

typedef struct dcn_events_summary {
    int64_t records, scalars, images, histograms, graphs;
    int64_t first_step, last_step;
    int64_t torn_bytes;           /* an unfinished record at the end */
} dcn_events_summary;
/* Reads and checks every record, sums included. */
DCN_API dcn_status dcn_events_verify(const char *path, dcn_events_summary *summary, dcn_error *err);

typedef struct dcn_report_curve { const char *name; const double *x, *y; int n; } dcn_report_curve;
typedef struct dcn_report_chart {     /* curves over one pair of axes */
    const char *title, *x_label, *y_label;
    const dcn_report_curve *curves;
    int n_curves;
} dcn_report_chart;
typedef struct dcn_report_picture {
    const char *title, *caption;
    const dcn_image *image;
} dcn_report_picture;
typedef struct dcn_report_row { const char *key, *value; } dcn_report_row;
typedef struct dcn_report_table {
    const char *title;
    const dcn_report_row *rows;
    int n_rows;
} dcn_report_table;
typedef struct dcn_report_desc {
    const char *title, *summary;      /* summary: one sentence below the title */
    const dcn_report_chart *charts;       int n_charts;
    const dcn_report_picture *pictures;   int n_pictures;
    const dcn_report_table *tables;       int n_tables;
    const int64_t *confusion;             /* (classes,classes): [truth][answer]; may be NULL */
    int classes;
    const char *const *class_names;
} dcn_report_desc;
/* One self-contained page: nothing is fetched, it works from file://. */
DCN_API dcn_status dcn_report_save(const dcn_report_desc *desc, const char *path, dcn_error *err);

/* ---- arrays in files --------------------------------------------------------------------- */

typedef enum dcn_dtype { DCN_F32, DCN_I64, DCN_U8 } dcn_dtype;

typedef struct dcn_array {
    const char *name;             /* of a tensor in a safetensors file; else NULL */
    dcn_dtype dtype;
    int rank;
    int64_t dims[8];
    void *data;
} dcn_array;

/* C-order little-endian .npy of float32 (or float64, converted), rank 1..8. */
DCN_API dcn_status dcn_npy_load(dcn_array *array, const char *path, dcn_error *err);
DCN_API void dcn_array_clear(dcn_array *array);
/* A safetensors file; metadata: pairs key, value, ended by NULL, may be NULL. */
DCN_API dcn_status dcn_tensors_save(const char *path, const dcn_array *arrays, int n,
                                    const char *const *metadata, dcn_error *err);

/* ---- what is this file? -------------------------------------------------------------------- */

typedef enum dcn_kind {
    DCN_KIND_UNKNOWN, DCN_KIND_CIFAR10, DCN_KIND_IDX, DCN_KIND_FOLDER, DCN_KIND_PICTURE,
    DCN_KIND_MODEL, DCN_KIND_TENSORS, DCN_KIND_EVENTS, DCN_KIND_NETWORK, DCN_KIND_NPY,
    DCN_KIND_IDX_FILE, DCN_KIND_ONNX, DCN_KIND_PICTURES,
    DCN_KIND_SCAN,                /* the state of an atlas' scan: dcn_scan_read */
    DCN_KIND_ATLAS                /* a folder with scan.safetensors, atlas.json or both */
} dcn_kind;

/* By content, not by name. DCN_INPUT with what was found if it is nothing that we read. */
DCN_API dcn_status dcn_identify(const char *path, const dcn_limits *limits, dcn_kind *kind,
                                dcn_error *err);
DCN_API const char *dcn_kind_text(dcn_kind kind);

#ifdef __cplusplus
}
#endif
#endif
