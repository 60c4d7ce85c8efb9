# SPDX-License-Identifier: LGPL-2.1-or-later
#
# head.py - the head of the script `head` in PyTorch, its features in memory: prints the seconds of
# each epoch. head.py STORE EPOCHS THREADS
import sys, time, h5py, torch
from torch import nn

store, epochs, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
with h5py.File(store, 'r') as f:
    x, y, split = f['features'][:], f['labels'][:], f['splits'].asstr()[:]
part = lambda name: (torch.from_numpy(x[split == name]).flatten(1), torch.from_numpy(y[split == name]).float())
(x, y), (vx, vy) = part('train'), part('validation')
net = nn.Sequential(nn.Linear(x.shape[1], 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 1))
optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-3, alpha=0.9, eps=1e-7)
loss = nn.BCEWithLogitsLoss()
for _ in range(epochs):
    start = time.perf_counter()
    total = 0.0
    for rows in torch.randperm(len(y)).split(32):
        optimizer.zero_grad(set_to_none=True)
        scores = net(x[rows]).squeeze(1)
        e = loss(scores, y[rows])
        e.backward()
        optimizer.step()
        total += float(e.detach())
    net.eval()
    with torch.no_grad():
        for rows in torch.arange(len(vy)).split(32):
            total += float(loss(net(vx[rows]).squeeze(1), vy[rows]))
    net.train()
    print(f'{time.perf_counter() - start:.4f}')
