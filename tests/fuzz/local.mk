# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Fuzzers: built only by `make fuzz` in a folder configured with --enable-fuzz CC=clang; tests/fuzz/run
# runs them. A fuzzer is one file and three lines here.
FUZZERS = tests/fuzz/fuzz-onnx tests/fuzz/fuzz-net tests/fuzz/fuzz-recipe tests/fuzz/fuzz-manifest tests/fuzz/fuzz-features \
	tests/fuzz/fuzz-checkpoint tests/fuzz/fuzz-picture
EXTRA_PROGRAMS += $(FUZZERS) tests/fuzz/make-seeds
EXTRA_DIST += tests/fuzz/run
fuzz: $(FUZZERS) tests/fuzz/make-seeds tests/make-files
.PHONY: fuzz

fuzz_sources = tests/fuzz/fuzz.c tests/fuzz/fuzz.h
fuzz_cppflags = $(AM_CPPFLAGS) $(CORE_CFLAGS)
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_onnx_SOURCES = tests/fuzz/fuzz-onnx.c $(fuzz_sources)
tests_fuzz_fuzz_onnx_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_onnx_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_onnx_LDADD = core/libcore.la
tests_fuzz_fuzz_net_SOURCES = tests/fuzz/fuzz-net.c $(fuzz_sources)
tests_fuzz_fuzz_net_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_net_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_net_LDADD = core/libcore.la
tests_fuzz_fuzz_features_SOURCES = tests/fuzz/fuzz-features.c $(fuzz_sources)
tests_fuzz_fuzz_features_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_features_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_features_LDADD = core/libcore.la
tests_fuzz_fuzz_checkpoint_SOURCES = tests/fuzz/fuzz-checkpoint.c $(fuzz_sources)
tests_fuzz_fuzz_checkpoint_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_checkpoint_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_checkpoint_LDADD = core/libcore.la
tests_fuzz_make_seeds_SOURCES = tests/fuzz/make-seeds.c
tests_fuzz_make_seeds_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_make_seeds_LDADD = core/libcore.la
tests_fuzz_fuzz_manifest_SOURCES = tests/fuzz/fuzz-manifest.c $(fuzz_sources)
tests_fuzz_fuzz_manifest_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_manifest_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_manifest_LDADD = zoo/libzoofind.la core/libcore.la
tests_fuzz_fuzz_recipe_SOURCES = tests/fuzz/fuzz-recipe.c pipelines/command.c pipelines/command.h pipelines/recipe.c pipelines/recipe.h \
	pipelines/recipe-expand.c pipelines/term.c pipelines/term.h $(fuzz_sources)
tests_fuzz_fuzz_recipe_CPPFLAGS = $(fuzz_cppflags) $(ZOO_CFLAGS)
tests_fuzz_fuzz_recipe_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_recipe_LDADD = zoo/libzoofetch.la core/libcore.la
tests_fuzz_fuzz_picture_SOURCES = tests/fuzz/fuzz-picture.c plugins/cnndecode.c plugins/cnndecode.h plugins/cnnjpeg.c plugins/cnnjpegdc.c plugins/cnnjpegdc.h \
	plugins/cnnpicture.c plugins/cnnpicture.h plugins/cnnpng.c plugins/cnnscale.c plugins/cnnscale.h
tests_fuzz_fuzz_picture_CPPFLAGS = $(AM_CPPFLAGS) $(GST_CFLAGS) $(PICTURE_CFLAGS)
tests_fuzz_fuzz_picture_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_picture_LDADD = core/libcore.la $(GST_LIBS) $(PICTURE_LIBS)
