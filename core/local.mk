lib_LTLIBRARIES += core/libconvoy.la
include_HEADERS += core/convoy.h
pkgconfig_DATA += core/convoy.pc

# All of it, for tests that look inside; what is installed is the same with only CONVOY_API to be seen.
noinst_LTLIBRARIES += core/libcore.la
core_libconvoy_la_SOURCES =
core_libconvoy_la_LIBADD = core/libcore.la
core_libconvoy_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined
core_libcore_la_CPPFLAGS = $(AM_CPPFLAGS) $(CORE_CFLAGS) $(HDF5_CFLAGS) -DG_LOG_DOMAIN=\"convoy\"
core_libcore_la_CFLAGS = $(AM_CFLAGS) $(OPENMP_CFLAGS) -fno-math-errno
core_libcore_la_LIBADD = $(CORE_LIBS) $(HDF5_LIBS) $(DNNL_LIBS) -lm
core_libcore_la_SOURCES = \
	core/attrs.c core/attrs.h \
	core/augment.c core/augment.h \
	core/backward.c core/backward-find.c \
	core/batches.c \
	core/bind.c \
	core/build.c core/build.h \
	core/bytes.h core/bytes-wide.h \
	core/bytes-build.c \
	core/bytes-conv.c \
	core/bytes-depthwise.c \
	core/bytes-find.c core/bytes-find.h \
	core/bytes-move.c \
	core/bytes-pack.c \
	core/bytes-pair.c \
	core/bytes-pool.c \
	core/bytes-roots.c \
	core/checkpoint.c core/checkpoint.h \
	core/checkpoint-file.c \
	core/columns.c core/columns.h \
	core/compile.c \
	core/dataset.c core/dataset.h \
	core/dataset-cifar.c \
	core/dataset-features.c \
	core/dataset-folder.c \
	core/dataset-idx.c \
	core/dataset-parts.c \
	core/dataset-subset.c \
	core/dataset-table.c \
	core/dataset-tokens.c \
	core/copy.c core/copy.h core/dnn.c core/dnn.h core/dnn-inside.h core/dnn-md.c core/dnn-prim.c \
	core/exec.c core/exec.h \
	core/features.c core/features.h \
	core/features-file.c \
	core/features-journal.c \
	core/graph.c core/graph.h \
	core/hdf-tools.c core/hdf-tools.h \
	core/history.c \
	core/image.c \
	core/layer-find.c \
	core/layers.c \
	core/learn.c core/learn.h \
	core/lift.c core/lift.h \
	core/loss.c core/loss.h \
	core/memory.h \
	core/model.c \
	core/model-labels.c \
	core/model-describe.c core/model-meta.c core/model-meta.h \
	core/model-text.c \
	core/nearest.c \
	core/net.c core/net.h core/net-run.h \
	core/net-build.c \
	core/net-emit.c \
	core/net-expr.c \
	core/net-init.c \
	core/net-layers.c \
	core/net-option.c \
	core/net-text.c \
	core/net-vars.c \
	core/net-fit.c \
	core/net-window.c \
	core/net-words.c \
	core/onnx.h \
	core/onnx-check.c \
	core/onnx-load.c \
	core/onnx-metadata.c \
	core/onnx-save.c \
	core/onnx-tensor.c \
	core/node.c \
	core/op.c core/op.h \
	core/optim.c core/optim.h \
	core/optim-rules.c \
	core/outer.c core/outer.h \
	core/params.c core/params.h \
	core/plan-mem.c \
	core/plan.c core/plan.h \
	core/probe.c \
	core/quantize.c core/quantize.h \
	core/quantize-bias.c \
	core/quantize-find.c \
	core/quantize-range.c \
	core/quantize-tidy.c \
	core/random.c core/random.h \
	core/replace.c core/replace.h \
	core/schedule.c core/schedule.h \
	core/shuffle.h \
	core/spec.c core/spec.h \
	core/split.c core/split.h \
	core/split-run.c \
	core/table.c core/table.h \
	core/splice.c core/splice.h \
	core/tensor.c \
	core/tokenize.c core/tokenize.h \
	core/top.c \
	core/trainer.c core/trainer.h \
	core/trainer-finite.c \
	core/trainer-memory.c \
	core/trainer-fit.c \
	core/trainer-new.c \
	core/trainer-rate.c \
	core/trainer-save.c \
	core/trainer-step.c \
	core/tune.c \
	core/vocabulary.c \
	core/vector.h \
	core/ops/activation.c \
	core/ops/arg.c \
	core/ops/arith.c \
	core/ops/batchnorm.c core/ops/batchnorm.h \
	core/ops/batchnorm-learn.c \
	core/ops/binary.c \
	core/ops/cast.c \
	core/ops/compare.c \
	core/ops/concat.c \
	core/ops/constant.c \
	core/ops/conv-transpose.c \
	core/ops/conv.c \
	core/ops/conv-tiles.c core/ops/conv-tiles.h \
	core/ops/conv-rows.c core/ops/conv-rows.h core/ops/rows-kept.c core/ops/rows-kept.h \
	core/ops/dropout.c \
	core/ops/einsum.c \
	core/ops/element.c \
	core/ops/expand.c \
	core/ops/gather.c \
	core/ops/gemm.c \
	core/ops/index.c core/ops/index.h \
	core/ops/infer.c \
	core/ops/integer.c \
	core/ops/loss.c \
	core/ops/lrn.c \
	core/ops/norm.c \
	core/ops/pad.c \
	core/ops/pool.c \
	core/ops/quantize.c \
	core/ops/reduce.c \
	core/ops/resize.c \
	core/ops/riders.c \
	core/ops/shape.c \
	core/ops/slice.c \
	core/ops/slope.c core/ops/slope.h \
	core/ops/softmax.c \
	core/ops/transpose.c \
	core/ops/unary.c \
	core/ops/window.c core/ops/window.h

# The ONNX schema, compiled by protobuf-c. Generated code is not held to our warnings.
BUILT_SOURCES += core/onnx.pb-c.h
CLEANFILES += core/onnx.pb-c.c core/onnx.pb-c.h
EXTRA_DIST += core/onnx.proto
noinst_LTLIBRARIES += core/libonnxpb.la
nodist_core_libonnxpb_la_SOURCES = core/onnx.pb-c.c core/onnx.pb-c.h
core_libonnxpb_la_CPPFLAGS = $(AM_CPPFLAGS) $(CORE_CFLAGS)
core_libonnxpb_la_CFLAGS = $(SAN_CFLAGS) -fvisibility=hidden
core_libcore_la_LIBADD += core/libonnxpb.la

core/onnx.pb-c.c: core/onnx.pb-c.h
core/onnx.pb-c.h: core/onnx.proto
	$(AM_V_at)$(MKDIR_P) core
	$(AM_V_GEN)$(PROTOC_C) --proto_path=$(srcdir)/core --c_out=core $(srcdir)/core/onnx.proto
