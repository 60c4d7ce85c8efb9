# Where a model is: no curl in it, so that elements can have it.
noinst_LTLIBRARIES += zoo/libzoofind.la
zoo_libzoofind_la_SOURCES = zoo/find.c zoo/manifest.c zoo/manifest.h zoo/sum.c zoo/sum.h zoo/zoo.h
zoo_libzoofind_la_CPPFLAGS = $(AM_CPPFLAGS) $(CORE_CFLAGS) $(SUM_CFLAGS) -DCONVOY_DATADIR=\"$(datadir)/convoy\"
zoo_libzoofind_la_LIBADD = $(CORE_LIBS) $(SUM_LIBS)

# How it gets here.
noinst_LTLIBRARIES += zoo/libzoofetch.la
zoo_libzoofetch_la_SOURCES = zoo/add.c zoo/add.h zoo/fetch.c zoo/fetch.h zoo/pull.c zoo/pull.h zoo/sums.c zoo/sums.h zoo/transfer.c zoo/transfer.h zoo/unpack.c zoo/unpack.h
zoo_libzoofetch_la_CPPFLAGS = $(AM_CPPFLAGS) $(ZOO_CFLAGS)
zoo_libzoofetch_la_LIBADD = zoo/libzoofind.la $(ZOO_LIBS)

zoodir = $(datadir)/convoy/zoo
dist_zoo_DATA = zoo/manifest.ini

# Weights that this project trained.
zoomodelsdir = $(zoodir)/models
dist_zoomodels_DATA = zoo/models/cifar10-best.onnx zoo/models/imdb-convnet1d.onnx

# Networks as text.
zoonetworksdir = $(zoodir)/networks
dist_zoonetworks_DATA = \
	zoo/networks/cifar10-best.net \
	zoo/networks/cifar10-convnet-gmp.net \
	zoo/networks/cifar10-convnet.net \
	zoo/networks/cifar10-dense.net \
	zoo/networks/imdb-convnet1d.net \
	zoo/networks/inception-v1.net \
	zoo/networks/lenet-5.net \
	zoo/networks/mobilenet-v1.net \
	zoo/networks/mobilenet-v2.net \
	zoo/networks/resnet-18.net \
	zoo/networks/resnet-50.net \
	zoo/networks/table-convnet1d.net \
	zoo/networks/vgg-16.net
