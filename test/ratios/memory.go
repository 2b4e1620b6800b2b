package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// memory measures the most that cas holds over what it holds when idle, while clients
// move one artifact of size each, all at once. Uploads over gRPC, which do not say how
// long they are and so are held in parts, come last: what the others need is their own.
func (w *world) memory(ctx context.Context, size int64, clients int) error {
	all := [2][]artifact{}
	for i := range all {
		for range clients {
			all[i] = append(all[i], newArtifact(size))
		}
	}
	for _, row := range []struct {
		path
		artifacts []artifact
		up        bool
	}{{w.http, all[0], true}, {w.http, all[0], false}, {w.grpc, all[0], false}, {w.grpc, all[1], true}} {
		if err := w.fetchTokensOf(ctx, row.path, row.artifacts, row.up); err != nil {
			return err
		}
		if err := w.cas.forgetPeak(); err != nil {
			return err
		}
		before := w.cas.cpu()
		took, _, err := each(clients, row.artifacts, func(a artifact) error {
			if row.up {
				return row.put(ctx, a)
			}
			return row.get(ctx, a)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", row.name(), err)
		}
		fmt.Printf("memory, %s, %s: %d MiB over idle (%d MiB), %s, %.2f CPU s/GiB\n", row.name(), title(job{size: size, clients: clients}, row.up),
			(w.cas.peakKiB()-w.idleKiB)>>10, w.idleKiB>>10, took.Round(time.Second),
			(w.cas.cpu()-before).Seconds()*float64(gib)/float64(size*int64(clients)))
	}
	return nil
}

// forgetPeak makes what the process holds now its peak
// (https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html).
func (p *measured) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.PID()), []byte("5"), 0)
}
