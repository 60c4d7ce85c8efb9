/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * net-words.c - the words that networks are written with, a row each; names and defaults are Keras'. */
#include "core/net.h"

#define LEARNT " activation=linear use-bias=true init=glorot_uniform bias-init=zeros"
#define SLIDES " stride=1 padding=valid dilation=1"

static const ConvoyNetWord words[] = {
  { "conv1d", "conv1d", "+filters +kernel" SLIDES " groups=1" LEARNT, 3, 3, CONVOY_NET_FIRST, "Conv", convoy_net_conv },
  { "conv2d", "conv2d", "+filters +kernel" SLIDES " groups=1" LEARNT, 4, 4, CONVOY_NET_FIRST, "Conv", convoy_net_conv },
  { "depthwise", "depthwise_conv%ud", "+kernel" SLIDES " multiplier=1" LEARNT, 3, 4, CONVOY_NET_FIRST, "Conv", convoy_net_depthwise },
  { "separable", "separable_conv%ud", "+filters +kernel" SLIDES " multiplier=1" LEARNT, 3, 4, CONVOY_NET_FIRST, "Conv", convoy_net_separable },
  { "dense", "dense", "+units" LEARNT, 2, CONVOY_MAX_DIMS, CONVOY_NET_LAST, "Gemm", convoy_net_dense },
  { "embedding", "embedding", "+input-dim +output-dim init=uniform", 2, 2, CONVOY_NET_ANY, "Gather", convoy_net_embedding },
  { "maxpool", "max_pooling%ud", "pool=2 stride padding=valid", 3, 4, CONVOY_NET_FIRST, "MaxPool", convoy_net_pool },
  { "avgpool", "average_pooling%ud", "pool=2 stride padding=valid", 3, 4, CONVOY_NET_FIRST, "AveragePool", convoy_net_pool },
  { "l1pool", "l1_pooling%ud", "pool=2 stride padding=valid", 3, 4, CONVOY_NET_FIRST, "LpPool", convoy_net_pool },
  { "l2pool", "l2_pooling%ud", "pool=2 stride padding=valid", 3, 4, CONVOY_NET_FIRST, "LpPool", convoy_net_pool },
  { "globalmaxpool", "global_max_pooling%ud", "keepdims=false", 3, 4, CONVOY_NET_FIRST, "GlobalMaxPool", convoy_net_global_pool },
  { "globalavgpool", "global_average_pooling%ud", "keepdims=false", 3, 4, CONVOY_NET_FIRST, "GlobalAveragePool", convoy_net_global_pool },
  { "flatten", "flatten", "", 2, CONVOY_MAX_DIMS, CONVOY_NET_ANY, "Flatten", convoy_net_flatten },
  { "reshape", "reshape", "+shape", 2, CONVOY_MAX_DIMS, CONVOY_NET_ANY, "Reshape", convoy_net_reshape },
  { "dropout", "dropout", "+rate", 2, CONVOY_MAX_DIMS, CONVOY_NET_ANY, "Dropout", convoy_net_dropout },
  { "batchnorm", "batch_normalization", "epsilon=0.001 momentum=0.99 center=true scale=true gamma-init=ones", 2, 4, CONVOY_NET_FIRST, "BatchNormalization",
    convoy_net_batchnorm },
  { "activation", "activation", "+activation", 2, CONVOY_MAX_DIMS, CONVOY_NET_ANY, NULL, convoy_net_activation },
  { "softmax", "softmax", "", 2, CONVOY_MAX_DIMS, CONVOY_NET_ANY, NULL, convoy_net_activation },
  { "add", "add", "+with activation=linear", 2, CONVOY_MAX_DIMS, CONVOY_NET_FIRST, "Add", convoy_net_add },
  { "concat", "concatenate", "+with", 2, CONVOY_MAX_DIMS, CONVOY_NET_FIRST, "Concat", convoy_net_concat },
  { "pad", "zero_padding%ud", "padding=1 before after", 3, 4, CONVOY_NET_FIRST, "Pad", convoy_net_pad },
};

const ConvoyNetWord *
convoy_net_words (guint *n)
{
  *n = G_N_ELEMENTS (words);
  return words;
}

const ConvoyNetWord *
convoy_net_word (const char *word)
{
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_str_equal (words[i].word, word))
      return &words[i];
  return NULL;
}
