gstplugin_LTLIBRARIES = plugins/libgstconvoy.la
plugins_libgstconvoy_la_CPPFLAGS = $(AM_CPPFLAGS) $(GST_CFLAGS) $(PICTURE_CFLAGS) $(DRAW_CFLAGS) $(ANALYTICS_CFLAGS)
plugins_libgstconvoy_la_LIBADD = core/libconvoy.la zoo/libzoofind.la \
	$(GST_LIBS) $(PICTURE_LIBS) $(DRAW_LIBS) $(ANALYTICS_LIBS) -lm
plugins_libgstconvoy_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared
plugins_libgstconvoy_la_SOURCES = \
	plugins/cnnbuffer.c plugins/cnnbuffer.h \
	plugins/cnncourse.c plugins/cnncourse.h \
	plugins/cnncoursetell.c plugins/cnncoursetell.h \
	plugins/cnndecode.c plugins/cnndecode.h \
	plugins/cnndecoders.c plugins/cnndecoders.h \
	plugins/cnndraw.c plugins/cnndraw.h \
	plugins/cnnenums.c plugins/cnnenums.h \
	plugins/cnnextractor.c plugins/cnnextractor.h \
	plugins/cnnjob.c plugins/cnnjob.h \
	plugins/cnnjpeg.c \
	plugins/cnnjpegdc.c plugins/cnnjpegdc.h \
	plugins/cnnlines.c plugins/cnnlines.h \
	plugins/cnnknown.c plugins/cnnknown.h \
	plugins/cnnheadmodel.c plugins/cnnheadput.c \
	plugins/cnnheadsettings.c plugins/cnnheadsettings.h \
	plugins/cnnheadnet.c plugins/cnnheadnet.h \
	plugins/cnnheadsave.c plugins/cnnheadsave.h \
	plugins/cnnheadwork.c plugins/cnnheadwork.h \
	plugins/cnnlearner.c plugins/cnnlearner.h \
	plugins/cnnmeta.c plugins/cnnmeta.h \
	plugins/cnnmodel.c plugins/cnnmodel.h \
	plugins/cnnnet.c plugins/cnnnet.h \
	plugins/cnnpicture.c plugins/cnnpicture.h \
	plugins/cnnpng.c \
	plugins/cnnlatency.c plugins/cnnlatency.h \
	plugins/cnnload.c plugins/cnnload.h \
	plugins/cnnpool.c plugins/cnnpool.h \
	plugins/cnnproperty.c plugins/cnnproperty.h \
	plugins/cnnqueue.c plugins/cnnqueue.h \
	plugins/cnnreader.c plugins/cnnreader.h \
	plugins/cnnsample.c plugins/cnnsample.h \
	plugins/cnnscale.c plugins/cnnscale.h \
	plugins/cnnseek.c plugins/cnnseek.h \
	plugins/cnnteach.c plugins/cnnteach.h \
	plugins/cnnsize.c plugins/cnnsize.h \
	plugins/cnntensor.c plugins/cnntensor.h \
	plugins/cnntimer.c plugins/cnntimer.h \
	plugins/cnnturns.c plugins/cnnturns.h \
	plugins/cnnwarp.c plugins/cnnwarp.h \
	plugins/cnnwords.c plugins/cnnwords.h \
	plugins/gstcnnaugment.c plugins/gstcnnaugment.h \
	plugins/gstcnnclassify.c plugins/gstcnnclassify.h \
	plugins/gstcnndatasetsrc.c plugins/gstcnndatasetsrc.h \
	plugins/gstcnndatasetsink.c plugins/gstcnndatasetsink.h \
	plugins/gstcnnextract.c plugins/gstcnnextract.h \
	plugins/gstcnnhead.c plugins/gstcnnhead.h \
	plugins/gstcnnimagedec.c plugins/gstcnnimagedec.h \
	plugins/gstcnnoverlay.c plugins/gstcnnoverlay.h \
	plugins/gstcnntokenize.c plugins/gstcnntokenize.h \
	plugins/plugin.c
