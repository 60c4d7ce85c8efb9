# SPDX-License-Identifier: LGPL-2.1-or-later
#
# turns.py - lets programs that print the median of as many steps as a line asks for work in turns:
#   turns.py ROUNDS SECONDS COMMAND [-- COMMAND...]
# Prints the median of each in milliseconds, then the median ratio of each but the first to the first.
import os, statistics, subprocess, sys, time

PAUSE = 0.06    # their threads spin for a while after a step


class Worker:
    def __init__(self, words):
        settings = dict(w.split('=', 1) for w in words[:next(i for i, w in enumerate(words) if '=' not in w)])
        self.process = subprocess.Popen(words[len(settings):], env={**os.environ, **settings}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ask(2)
        self.first = self.ask(2)

    def ask(self, steps):
        print(steps, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit('turns: a program ended')
        return float(answer)


rounds, seconds, commands = int(sys.argv[1]), float(sys.argv[2]), [[]]
for word in sys.argv[3:]:
    commands.append([]) if word == '--' else commands[-1].append(word)
workers = [Worker(c) for c in commands]
took = [[] for _ in workers]
for _ in range(rounds):
    for worker, times in zip(workers, took):
        time.sleep(PAUSE)
        times.append(worker.ask(max(2, round(seconds * 1e6 / worker.first))))
print(*[f'{statistics.median(t) / 1e3:.2f}' for t in took], *[f'{statistics.median(b / a for a, b in zip(took[0], t)):.2f}' for t in took[1:]])
for worker in workers:
    worker.process.stdin.close()
    worker.process.wait()
