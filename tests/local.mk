# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Tests speak TAP. A test program is added to check_PROGRAMS, a script to dist_check_SCRIPTS.
TEST_EXTENSIONS = .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
LOG_COMPILER = pipelines/env
SH_LOG_COMPILER = pipelines/env $(SHELL)
# The user's cache is left alone, threads that wait do not spin, and fresh memory is not zero.
AM_TESTS_ENVIRONMENT = srcdir='$(srcdir)'; CC='$(CC)'; NM='$(NM)'; G_DEBUG=fatal-criticals; \
	CONVOY_HOME='$(abs_top_builddir)/home'; OMP_WAIT_POLICY=passive; MALLOC_PERTURB_=165; \
	export srcdir CC NM G_DEBUG CONVOY_HOME OMP_WAIT_POLICY MALLOC_PERTURB_;

dist_check_SCRIPTS = tests/check-layers.sh tests/check-exports.sh tests/check-valgrind.sh
TESTS += $(check_PROGRAMS) $(dist_check_SCRIPTS)
EXTRA_DIST += tests/run tests/asan.supp tests/valgrind.supp tests/check-installed.sh tests/tap.sh

# GStreamer looks at every plugin once, before tests run side by side.
check_DATA += registry.bin
registry.bin: plugins/libgstconvoy.la pipelines/env
	$(AM_V_GEN)rm -f $@ && ASAN_OPTIONS=detect_leaks=0 pipelines/env gst-inspect-1.0 --exists identity
CLEANFILES += registry.bin

# What was installed can be built against and found; part of `make distcheck`.
installcheck-local:
	CC='$(CC)' PKG_CONFIG='$(PKG_CONFIG)' $(SHELL) $(srcdir)/tests/check-installed.sh '$(libdir)' '$(pkgconfigdir)' '$(gstplugindir)'
clean-local:
	rm -rf home

# Runs ONNX test cases: `tests/conformance ARCHIVE-OR-FOLDER...`.
noinst_PROGRAMS += tests/conformance
tests_conformance_SOURCES = tests/conformance.c tests/conformance.h tests/conformance-case.c tests/conformance-find.c
tests_conformance_CPPFLAGS = $(AM_CPPFLAGS) $(CORE_CFLAGS)
tests_conformance_LDADD = core/libconvoy.la $(CORE_LIBS) -lm
dist_check_SCRIPTS += tests/check-conformance.sh

check_PROGRAMS += tests/test-onnx tests/test-onnx-refuse
tests_test_onnx_SOURCES = tests/test-onnx.c tests/onnx-maker.c tests/onnx-maker.h tests/tap.c tests/tap.h
tests_test_onnx_CPPFLAGS = $(AM_CPPFLAGS) $(CORE_CFLAGS) $(TEST_CFLAGS)
tests_test_onnx_LDADD = core/libconvoy.la core/libonnxpb.la $(CORE_LIBS) $(TEST_LIBS)
tests_test_onnx_refuse_SOURCES = tests/test-onnx-refuse.c tests/onnx-maker.c tests/onnx-maker.h tests/tap.c tests/tap.h
tests_test_onnx_refuse_CPPFLAGS = $(tests_test_onnx_CPPFLAGS)
tests_test_onnx_refuse_LDADD = $(tests_test_onnx_LDADD)

# Tests of core that need nothing but files. Private functions come with their sources.
check_PROGRAMS += tests/test-data tests/test-folder tests/test-batches tests/test-history tests/test-checkpoint
TEMP_SOURCES = tests/tap.c tests/tap.h tests/temp-files.c tests/temp-files.h
tests_test_data_SOURCES = tests/test-data.c $(TEMP_SOURCES)
tests_test_data_CPPFLAGS = $(AM_CPPFLAGS) $(CORE_CFLAGS) $(TEST_CFLAGS)
tests_test_data_LDADD = core/libconvoy.la $(CORE_LIBS) $(TEST_LIBS)
tests_test_folder_SOURCES = tests/test-folder.c $(TEMP_SOURCES)
tests_test_folder_CPPFLAGS = $(tests_test_data_CPPFLAGS)
tests_test_folder_LDADD = $(tests_test_data_LDADD)
tests_test_batches_SOURCES = tests/test-batches.c $(TEMP_SOURCES)
tests_test_batches_CPPFLAGS = $(tests_test_data_CPPFLAGS)
tests_test_batches_LDADD = $(tests_test_data_LDADD)
tests_test_history_SOURCES = tests/test-history.c $(TEMP_SOURCES)
tests_test_history_CPPFLAGS = $(tests_test_data_CPPFLAGS)
tests_test_history_LDADD = $(tests_test_data_LDADD) -lm
tests_test_checkpoint_SOURCES = tests/test-checkpoint.c core/checkpoint.c core/checkpoint.h core/checkpoint-file.c core/hdf-tools.c core/hdf-tools.h core/replace.c core/replace.h $(TEMP_SOURCES)
tests_test_checkpoint_CPPFLAGS = $(tests_test_data_CPPFLAGS) $(HDF5_CFLAGS)
tests_test_checkpoint_LDADD = $(tests_test_data_LDADD) $(HDF5_LIBS) -lm

check_PROGRAMS += tests/test-features
tests_test_features_SOURCES = tests/test-features.c $(TEMP_SOURCES)
tests_test_features_CPPFLAGS = $(tests_test_data_CPPFLAGS) $(HDF5_CFLAGS)
tests_test_features_LDADD = $(tests_test_data_LDADD) $(HDF5_LIBS)

check_PROGRAMS += tests/test-model tests/test-image
tests_test_model_SOURCES = tests/test-model.c $(TEMP_SOURCES)
tests_test_model_CPPFLAGS = $(tests_test_data_CPPFLAGS)
tests_test_model_LDADD = $(tests_test_data_LDADD) -lm
tests_test_image_SOURCES = tests/test-image.c tests/tap.c tests/tap.h
tests_test_image_CPPFLAGS = $(tests_test_data_CPPFLAGS)
tests_test_image_LDADD = $(tests_test_data_LDADD) -lm

# From gradients to weights.
check_PROGRAMS += tests/test-optim
tests_test_optim_SOURCES = tests/test-optim.c tests/tap.c tests/tap.h
tests_test_optim_CPPFLAGS = $(tests_test_gradients_CPPFLAGS)
tests_test_optim_LDADD = $(tests_test_gradients_LDADD)

# A graph learns.
check_PROGRAMS += tests/test-trainer tests/test-resume
tests_test_trainer_SOURCES = tests/test-trainer.c tests/trainer-tools.c tests/trainer-tools.h $(TEMP_SOURCES)
tests_test_trainer_CPPFLAGS = $(tests_test_data_CPPFLAGS)
tests_test_trainer_LDADD = $(tests_test_data_LDADD) -lm
tests_test_resume_SOURCES = tests/test-resume.c tests/trainer-tools.c tests/trainer-tools.h $(TEMP_SOURCES)
tests_test_resume_CPPFLAGS = $(tests_test_data_CPPFLAGS)
tests_test_resume_LDADD = $(tests_test_data_LDADD)

# The real data sets, where they are.
TESTS += tests/check-data.sh
EXTRA_DIST += tests/check-data.sh

# Networks as text.
check_PROGRAMS += tests/test-init tests/test-net tests/test-networks
tests_test_init_SOURCES = tests/test-init.c tests/tap.c tests/tap.h
tests_test_init_CPPFLAGS = $(AM_CPPFLAGS) $(CORE_CFLAGS) $(TEST_CFLAGS)
tests_test_init_LDADD = core/libconvoy.la $(CORE_LIBS) $(TEST_LIBS) -lm
tests_test_net_SOURCES = tests/test-net.c tests/tap.c tests/tap.h
tests_test_net_CPPFLAGS = $(tests_test_init_CPPFLAGS)
tests_test_net_LDADD = $(tests_test_init_LDADD)
tests_test_networks_SOURCES = tests/test-networks.c tests/tap.c tests/tap.h
tests_test_networks_CPPFLAGS = $(tests_test_init_CPPFLAGS)
tests_test_networks_LDADD = $(tests_test_init_LDADD)
check_PROGRAMS += tests/test-quantizer tests/test-splice
tests_test_quantizer_SOURCES = tests/test-quantizer.c tests/tap.c tests/tap.h
tests_test_quantizer_CPPFLAGS = $(tests_test_init_CPPFLAGS)
tests_test_quantizer_LDADD = $(tests_test_init_LDADD)
tests_test_splice_SOURCES = tests/test-splice.c tests/tap.c tests/tap.h
tests_test_splice_CPPFLAGS = $(tests_test_init_CPPFLAGS)
tests_test_splice_LDADD = $(tests_test_init_LDADD)

check_PROGRAMS += tests/test-probe
tests_test_probe_SOURCES = tests/test-probe.c tests/tap.c tests/tap.h
tests_test_probe_CPPFLAGS = $(tests_test_init_CPPFLAGS)
tests_test_probe_LDADD = $(tests_test_init_LDADD)

# The elements, in harnesses and pipelines.
check_PROGRAMS += tests/test-elements-decode tests/test-elements-shrink tests/test-elements-classify tests/test-elements-live tests/test-elements-overlay
element_test_sources = tests/element-tools.c tests/element-tools.h tests/tap.c tests/tap.h
element_test_cppflags = $(AM_CPPFLAGS) $(GST_CFLAGS) $(PICTURE_CFLAGS) $(TEST_CFLAGS)
element_test_ldadd = $(TEST_LIBS) $(GST_LIBS) $(PICTURE_LIBS)
tests_test_elements_decode_SOURCES = tests/test-elements-decode.c $(element_test_sources)
tests_test_elements_decode_CPPFLAGS = $(element_test_cppflags)
tests_test_elements_decode_LDADD = $(element_test_ldadd)
tests_test_elements_shrink_SOURCES = tests/test-elements-shrink.c $(element_test_sources)
tests_test_elements_shrink_CPPFLAGS = $(element_test_cppflags)
tests_test_elements_shrink_LDADD = $(element_test_ldadd)
element_color_sources = tests/element-colors.c tests/element-colors.h tests/element-model.c tests/element-model.h
tests_test_elements_classify_SOURCES = tests/test-elements-classify.c $(element_color_sources) $(element_test_sources)
tests_test_elements_classify_CPPFLAGS = $(element_test_cppflags)
tests_test_elements_classify_LDADD = core/libconvoy.la $(element_test_ldadd)
tests_test_elements_live_SOURCES = tests/test-elements-live.c $(element_color_sources) $(element_test_sources)
tests_test_elements_live_CPPFLAGS = $(element_test_cppflags)
tests_test_elements_live_LDADD = core/libconvoy.la $(element_test_ldadd)
tests_test_elements_overlay_SOURCES = tests/test-elements-overlay.c tests/element-model.c tests/element-model.h $(element_test_sources)
tests_test_elements_overlay_CPPFLAGS = $(element_test_cppflags)
tests_test_elements_overlay_LDADD = core/libconvoy.la $(element_test_ldadd)

check_PROGRAMS += tests/test-elements-features
tests_test_elements_features_SOURCES = tests/test-elements-features.c tests/element-model.c tests/element-model.h $(element_test_sources)
tests_test_elements_features_CPPFLAGS = $(element_test_cppflags)
tests_test_elements_features_LDADD = core/libconvoy.la $(element_test_ldadd) -lm

check_PROGRAMS += tests/test-plot
tests_test_plot_SOURCES = tests/test-plot.c pipelines/figure.c pipelines/figure.h pipelines/plot-figure.c pipelines/plot-panel.c pipelines/plot.h $(TEMP_SOURCES)
tests_test_plot_CPPFLAGS = $(tests_test_data_CPPFLAGS) $(DRAW_CFLAGS)
tests_test_plot_LDADD = $(tests_test_data_LDADD) $(DRAW_LIBS) -lm

# What travels with samples; compiled in, since a plugin exports nothing.
check_PROGRAMS += tests/test-samples
tests_test_samples_SOURCES = tests/test-samples.c plugins/cnnmeta.c plugins/cnnmeta.h plugins/cnnsample.c plugins/cnnsample.h \
	plugins/cnntensor.c plugins/cnntensor.h $(element_test_sources)
tests_test_samples_CPPFLAGS = $(element_test_cppflags) $(ANALYTICS_CFLAGS)
tests_test_samples_LDADD = core/libconvoy.la $(element_test_ldadd) $(ANALYTICS_LIBS)

# Data sets as streams.
check_PROGRAMS += tests/test-elements-head
tests_test_elements_head_SOURCES = tests/test-elements-head.c tests/element-set.c tests/element-set.h tests/element-tools.c tests/element-tools.h $(TEMP_SOURCES)
tests_test_elements_head_CPPFLAGS = $(element_test_cppflags)
tests_test_elements_head_LDADD = core/libconvoy.la $(element_test_ldadd)

# What of a trained network learns on and what does not; its files are read by what protobuf-c makes of ONNX alone.
check_PROGRAMS += tests/test-elements-tune
tests_test_elements_tune_SOURCES = tests/test-elements-tune.c tests/element-set.c tests/element-set.h tests/element-tools.c tests/element-tools.h $(TEMP_SOURCES)
tests_test_elements_tune_CPPFLAGS = $(element_test_cppflags) $(CORE_CFLAGS)
tests_test_elements_tune_LDADD = core/libconvoy.la core/libonnxpb.la $(CORE_LIBS) $(element_test_ldadd) -lm

# What happens to elements while they run.
check_PROGRAMS += tests/test-elements-robust
tests_test_elements_robust_SOURCES = tests/test-elements-robust.c tests/element-model.c tests/element-model.h tests/element-set.c tests/element-set.h \
	tests/element-tools.c tests/element-tools.h $(TEMP_SOURCES)
tests_test_elements_robust_CPPFLAGS = $(element_test_cppflags)
tests_test_elements_robust_LDADD = core/libconvoy.la $(element_test_ldadd)

# What is taught while a stream flows; the part that knows no elements is compiled in.
check_PROGRAMS += tests/test-elements-teach
tests_test_elements_teach_SOURCES = tests/test-elements-teach.c plugins/cnnteach.c plugins/cnnteach.h \
	tests/element-tools.c tests/element-tools.h $(TEMP_SOURCES)
tests_test_elements_teach_CPPFLAGS = $(element_test_cppflags)
tests_test_elements_teach_LDADD = core/libconvoy.la $(element_test_ldadd)

check_PROGRAMS += tests/test-elements-dataset
tests_test_elements_dataset_SOURCES = tests/test-elements-dataset.c plugins/cnnsample.c plugins/cnnsample.h \
	tests/element-tools.c tests/element-tools.h $(TEMP_SOURCES)
tests_test_elements_dataset_CPPFLAGS = $(element_test_cppflags)
tests_test_elements_dataset_LDADD = core/libconvoy.la $(element_test_ldadd)
check_PROGRAMS += tests/test-plans
tests_test_plans_SOURCES = tests/test-plans.c $(TEMP_SOURCES)
tests_test_plans_CPPFLAGS = $(tests_test_data_CPPFLAGS)
tests_test_plans_LDADD = $(tests_test_data_LDADD) -lm

# Against ONNX Runtime: tests/bench/inference, by hand, as the machine has to be quiet.
noinst_PROGRAMS += tests/bench/rebatch
tests_bench_rebatch_SOURCES = tests/bench/rebatch.c
tests_bench_rebatch_CPPFLAGS = $(AM_CPPFLAGS) $(CORE_CFLAGS)
tests_bench_rebatch_LDADD = core/libonnxpb.la $(CORE_LIBS)
# Against PyTorch: tests/bench/head and tests/bench/training.
noinst_PROGRAMS += tests/bench/head-bare
tests_bench_head_bare_SOURCES = tests/bench/head-bare.c
tests_bench_head_bare_CPPFLAGS = $(AM_CPPFLAGS) $(CORE_CFLAGS)
tests_bench_head_bare_LDADD = core/libconvoy.la $(CORE_LIBS)
noinst_PROGRAMS += tests/bench/training-step
tests_bench_training_step_SOURCES = tests/bench/training-step.c
tests_bench_training_step_CPPFLAGS = $(AM_CPPFLAGS) $(CORE_CFLAGS)
tests_bench_training_step_LDADD = core/libconvoy.la $(CORE_LIBS)
EXTRA_DIST += tests/bench/head.net tests/bench/training tests/bench/training.py tests/bench/turns.py
EXTRA_DIST += tests/bench/head tests/bench/head.py tests/bench/inference tests/bench/inference.js tests/bench/peer.js tests/bench/peer.sh tests/bench/pull tests/nginx.sh
# A table against a logistic regression: tests/bench/tables. Texts: against PyTorch and a program in Node.
noinst_PROGRAMS += tests/bench/text-bare
tests_bench_text_bare_SOURCES = tests/bench/text-bare.c
tests_bench_text_bare_CPPFLAGS = $(AM_CPPFLAGS) $(CORE_CFLAGS)
tests_bench_text_bare_LDADD = core/libconvoy.la $(CORE_LIBS)
noinst_PROGRAMS += tests/bench/upto
tests_bench_upto_SOURCES = tests/bench/upto.c
tests_bench_upto_CPPFLAGS = $(AM_CPPFLAGS) $(CORE_CFLAGS)
tests_bench_upto_LDADD = core/libconvoy.la $(CORE_LIBS)
EXTRA_DIST += tests/bench/extract tests/bench/extract.js tests/bench/frames.js
EXTRA_DIST += tests/bench/classify-files tests/bench/classify-files.js tests/bench/side-by-side tests/bench/side-by-side.js
EXTRA_DIST += tests/bench/tables tests/bench/text-training tests/bench/text-training.py tests/bench/text-classify tests/bench/text-classify.js

# The operator table, from inside the engine.
check_PROGRAMS += tests/test-operators tests/test-bytes tests/test-bytes-move
tests_test_bytes_SOURCES = tests/test-bytes.c tests/bytes-graph.c tests/bytes-graph.h tests/tap.c tests/tap.h
tests_test_bytes_CPPFLAGS = $(tests_test_gradients_CPPFLAGS)
tests_test_bytes_LDADD = $(tests_test_gradients_LDADD)
tests_test_bytes_move_SOURCES = tests/test-bytes-move.c tests/bytes-graph.c tests/bytes-graph.h tests/tap.c tests/tap.h
tests_test_bytes_move_CPPFLAGS = $(tests_test_gradients_CPPFLAGS)
tests_test_bytes_move_LDADD = $(tests_test_gradients_LDADD)
tests_test_operators_SOURCES = tests/test-operators.c tests/tap.c tests/tap.h
tests_test_operators_CPPFLAGS = $(tests_test_gradients_CPPFLAGS)
tests_test_operators_LDADD = $(tests_test_gradients_LDADD)
check_PROGRAMS += tests/test-gradients tests/test-frozen
tests_test_gradients_SOURCES = tests/test-gradients.c tests/gradient-tools.c tests/gradient-tools.h tests/tap.c tests/tap.h
tests_test_gradients_CPPFLAGS = $(AM_CPPFLAGS) $(CORE_CFLAGS) $(TEST_CFLAGS)
tests_test_gradients_LDADD = core/libcore.la $(TEST_LIBS) -lm
tests_test_frozen_SOURCES = tests/test-frozen.c tests/gradient-tools.c tests/gradient-tools.h tests/tap.c tests/tap.h
tests_test_frozen_CPPFLAGS = $(tests_test_gradients_CPPFLAGS)
tests_test_frozen_LDADD = $(tests_test_gradients_LDADD)

check_PROGRAMS += tests/test-learn-paths
tests_test_learn_paths_SOURCES = tests/test-learn-paths.c tests/tap.c tests/tap.h
tests_test_learn_paths_CPPFLAGS = $(tests_test_gradients_CPPFLAGS)
tests_test_learn_paths_LDADD = $(tests_test_gradients_LDADD)

check_PROGRAMS += tests/test-conv-rows
tests_test_conv_rows_SOURCES = tests/test-conv-rows.c tests/tap.c tests/tap.h
tests_test_conv_rows_CPPFLAGS = $(tests_test_gradients_CPPFLAGS)
tests_test_conv_rows_LDADD = $(tests_test_gradients_LDADD)

check_PROGRAMS += tests/test-conv-tiles
tests_test_conv_tiles_SOURCES = tests/test-conv-tiles.c tests/tap.c tests/tap.h
tests_test_conv_tiles_CPPFLAGS = $(tests_test_gradients_CPPFLAGS)
tests_test_conv_tiles_LDADD = $(tests_test_gradients_LDADD)

check_PROGRAMS += tests/test-table
tests_test_table_SOURCES = tests/test-table.c $(TEMP_SOURCES)
tests_test_table_CPPFLAGS = $(tests_test_data_CPPFLAGS)
tests_test_table_LDADD = $(tests_test_data_LDADD) -lm

# Texts: words and vocabularies, and as streams.
check_PROGRAMS += tests/test-tokenize tests/test-elements-text
tests_test_tokenize_SOURCES = tests/test-tokenize.c $(TEMP_SOURCES)
tests_test_tokenize_CPPFLAGS = $(tests_test_data_CPPFLAGS)
tests_test_tokenize_LDADD = $(tests_test_data_LDADD)
tests_test_elements_text_SOURCES = tests/test-elements-text.c tests/element-model.c tests/element-model.h plugins/cnnsample.c plugins/cnnsample.h plugins/cnntensor.c plugins/cnntensor.h \
	tests/element-tools.c tests/element-tools.h $(TEMP_SOURCES)
tests_test_elements_text_CPPFLAGS = $(element_test_cppflags)
tests_test_elements_text_LDADD = core/libconvoy.la $(element_test_ldadd) -lm

# The command, from a shell.
noinst_PROGRAMS += tests/make-files
tests_make_files_SOURCES = tests/make-files.c tests/element-model.c tests/element-model.h $(element_test_sources)
tests_make_files_CPPFLAGS = $(element_test_cppflags)
tests_make_files_LDADD = core/libconvoy.la $(element_test_ldadd)
dist_check_SCRIPTS += tests/test-command.sh tests/test-evaluate.sh tests/test-explain.sh tests/test-manual.sh tests/test-nginx.sh tests/test-offline.sh tests/test-quantize.sh tests/test-run.sh tests/test-zoo.sh

# The fetcher, with less patience.
check_PROGRAMS += tests/test-fetch
tests_test_fetch_SOURCES = tests/test-fetch.c tests/http-server.c tests/http-server.h zoo/fetch.c zoo/fetch.h zoo/transfer.c zoo/transfer.h $(TEMP_SOURCES)
tests_test_fetch_CPPFLAGS = $(AM_CPPFLAGS) $(ZOO_CFLAGS) $(TEST_CFLAGS) -DSTALL_SECONDS=2L -DBACK_OFF=20000
tests_test_fetch_LDADD = zoo/libzoofind.la core/libconvoy.la $(ZOO_LIBS) $(TEST_LIBS)
