bin_PROGRAMS += pipelines/convoy
pipelines_convoy_CPPFLAGS = $(AM_CPPFLAGS) $(GST_CFLAGS) $(DRAW_CFLAGS) $(ZOO_CFLAGS) \
	-DPLUGIN_FOLDER=\"$(gstplugindir)\" -DGST_PLUGIN_FOLDER=\"$(GST_PLUGIN_FOLDER)\"
pipelines_convoy_CFLAGS = $(AM_CFLAGS) $(OPENMP_CFLAGS)
pipelines_convoy_LDADD = core/libconvoy.la zoo/libzoofetch.la $(GST_LIBS) $(DRAW_LIBS) -lm
pipelines_convoy_SOURCES = \
	pipelines/bench.c \
	pipelines/classify.c \
	pipelines/command.c pipelines/command.h \
	pipelines/convoy.c \
	pipelines/confusion.c pipelines/confusion.h \
	pipelines/evaluate.c \
	pipelines/explain.c \
	pipelines/figure.c pipelines/figure.h \
	pipelines/heat.c pipelines/heat.h \
	pipelines/labelled.c pipelines/labelled.h pipelines/labelled-rows.c \
	pipelines/keys.c pipelines/keys.h \
	pipelines/lines.c pipelines/lines.h \
	pipelines/network.c pipelines/network.h \
	pipelines/peak.c pipelines/peak.h \
	pipelines/picture.c pipelines/picture.h \
	pipelines/export.c \
	pipelines/plot.c pipelines/plot.h \
	pipelines/plot-figure.c \
	pipelines/plot-panel.c \
	pipelines/quantize.c \
	pipelines/rate.c \
	pipelines/recipe.c pipelines/recipe.h pipelines/recipe-expand.c \
	pipelines/run.c \
	pipelines/score.c pipelines/score.h \
	pipelines/stream.c pipelines/stream.h pipelines/stream-feed.c pipelines/stream-start.c \
	pipelines/summary.c \
	pipelines/term.c pipelines/term.h \
	pipelines/watch.c pipelines/watch.h \
	pipelines/zoo.c

dist_man_MANS += pipelines/convoy.1

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = pipelines/completion/convoy

# Recipes: one file each, found by looking.
recipesdir = $(datadir)/convoy/pipelines
dist_recipes_DATA = \
	pipelines/classify-camera.pipe \
	pipelines/classify-file.pipe \
	pipelines/classify-folder.pipe \
	pipelines/classify-text.pipe \
	pipelines/classify-video.pipe \
	pipelines/extract-features.pipe \
	pipelines/fine-tune.pipe \
	pipelines/teach-camera.pipe \
	pipelines/train-cifar10.pipe \
	pipelines/train-head.pipe \
	pipelines/train-imdb.pipe \
	pipelines/train-table.pipe
