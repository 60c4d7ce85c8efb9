# SPDX-License-Identifier: LGPL-2.1-or-later
#
# training.py - the networks of the script `training` in PyTorch: for each line read, a number of
# steps, it makes them and prints their median in microseconds.
#   training.py NETWORK BATCH THREADS LAYOUT
# NETWORK: convnet, head, mobilenet, mobilenet-frozen; LAYOUT: plain, channels-last
import sys, time, statistics, torch
from torch import nn

network, batch, threads, layout = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
torch.set_num_threads(threads)
torch.manual_seed(1)


def convnet():
    conv = lambda i, o: [nn.Conv2d(i, o, 3), nn.ReLU()]
    return nn.Sequential(*conv(3, 32), *conv(32, 32), nn.MaxPool2d(2), *conv(32, 64), *conv(64, 64), nn.MaxPool2d(2), *conv(64, 64),
                         nn.Flatten(), nn.Linear(576, 1024), nn.ReLU(), nn.Linear(1024, 10))


def mobilenet():
    """Its base, cut before the last two blocks, and the rest."""
    bn = lambda n: [nn.BatchNorm2d(n, eps=1e-3, momentum=0.01), nn.ReLU6()]
    block = lambda i, o, s: nn.Sequential(nn.Conv2d(i, i, 3, s, 1, groups=i, bias=False), *bn(i), nn.Conv2d(i, o, 1, bias=False), *bn(o))
    sizes = [(32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2)] + [(512, 512, 1)] * 5
    base = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1, bias=False), *bn(32), *[block(*s) for s in sizes])
    return base, nn.Sequential(block(512, 1024, 2), block(1024, 1024, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.001), nn.Linear(1024, 2))


frozen = None
if network == 'convnet':
    net, shape = convnet(), (3, 32, 32)
elif network == 'head':
    net, shape = nn.Sequential(nn.Linear(25600, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 1)), (25600,)
else:
    base, rest = mobilenet()
    shape = (3, 160, 160)
    if network == 'mobilenet-frozen':
        frozen, net = base.eval().requires_grad_(False), rest
    else:
        net = nn.Sequential(base, rest)

x, y = torch.rand(batch, *shape), torch.arange(batch) % 2
if layout == 'channels-last' and x.dim() == 4:
    x = x.contiguous(memory_format=torch.channels_last)
    for part in filter(None, (frozen, net)):
        part.to(memory_format=torch.channels_last)
optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-5, alpha=0.9, eps=1e-7)
if network == 'head':
    binary = nn.BCEWithLogitsLoss()
    loss = lambda scores: binary(scores.squeeze(1), y.float())
else:
    classes = nn.CrossEntropyLoss()
    loss = lambda scores: classes(scores, y)


def step():
    optimizer.zero_grad(set_to_none=True)
    features = x
    if frozen is not None:
        with torch.no_grad():
            features = frozen(x)
    e = loss(net(features))
    e.backward()
    optimizer.step()
    return float(e.detach())


for line in sys.stdin:
    took = []
    for _ in range(int(line)):
        start = time.perf_counter()
        step()
        took.append(time.perf_counter() - start)
    print(f'{statistics.median(took) * 1e6:.1f}', flush=True)
