# SPDX-License-Identifier: LGPL-2.1-or-later
#
# text-training.py - the peer of text-training: TOKENS THREADS STEPS, prints ms of the median step in PyTorch.
import sys, time
import numpy as np
import torch
from torch import nn

LENGTH, BATCH = 500, 128

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10000, 128)
        self.conv1, self.conv2, self.dense = nn.Conv1d(128, 32, 7), nn.Conv1d(32, 32, 7), nn.Linear(32, 1)

    def forward(self, x):
        x = self.embedding(x).transpose(1, 2)
        x = nn.functional.max_pool1d(torch.relu(self.conv1(x)), 5)
        return self.dense(torch.relu(self.conv2(x)).amax(2)).squeeze(1)

path, threads, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
rows = np.fromfile(path, dtype=np.int32).reshape(-1, LENGTH + 1)
x, y = torch.from_numpy(rows[:, :LENGTH].astype(np.int64)), torch.from_numpy(rows[:, LENGTH].astype(np.float32))
net = Net()
optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-4, alpha=0.9, eps=1e-7)
loss = nn.BCEWithLogitsLoss()
times = []
for i in range(steps + 3):  # the first ones touch the memory
    at = i % (len(x) // BATCH) * BATCH
    start = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    loss(net(x[at:at + BATCH]), y[at:at + BATCH]).backward()
    optimizer.step()
    times.append(time.perf_counter() - start)
print("%.3f" % (1000 * float(np.median(times[3:]))))
