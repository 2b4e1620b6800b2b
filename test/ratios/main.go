// Command ratios measures the data path against what it stands on. It starts the embedded
// AWS and the roles, with cas as a process of its own, and moves the same artifacts
// through it over HTTP and gRPC, past it with requests that it signed, to and from S3 with
// the SDK, and through a plain hash into a file. One table says how each compares, in the
// same run, on this machine:
//
//	go run ./test/ratios            (make bench)
//	go run ./test/ratios -size 1073741824 -clients 16
//	go run ./test/ratios -memory 1073741824
//	go run ./test/ratios -floor
//
// A ratio is the time of the direct SDK client by ours: 1 is as fast, less is slower.
// docs/data-path.md says what is in each column, and what was measured.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

const (
	kib = int64(1) << 10
	mib = int64(1) << 20
	gib = int64(1) << 30
)

// job is one row of the table: artifacts of a size, moved by a number of clients at once.
type job struct {
	size    int64
	clients int
	count   int // artifacts in a round, over all clients
	rounds  int
}

func jobs(size int64, clients int) []job {
	var out []job
	for _, j := range []job{
		{4 * kib, 1, 200, 5}, {4 * kib, 16, 800, 5},
		{mib, 1, 40, 5}, {mib, 16, 160, 5},
		{64 * mib, 1, 2, 5}, {64 * mib, 16, 16, 3},
		{gib, 1, 1, 3}, {gib, 16, 16, 1},
	} {
		switch {
		case size != 0 && size != j.size, clients != 0 && clients != j.clients:
		case size == 0 && clients == 0 && j.size == gib && j.clients > 1: // 50 GB of disk
		default:
			out = append(out, j)
		}
	}
	return out
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	bin := flag.String("bin", "bin", "directory of the programs (make build)")
	size := flag.Int64("size", 0, "only this size in bytes: 4096, 1048576, 67108864 or 1073741824")
	clients := flag.Int("clients", 0, "only so many clients: 1 or 16 (16 of 1 GiB are only run when asked for: 50 GB of disk)")
	only := flag.String("only", "", "only this direction: up or down")
	memory := flag.Int64("memory", 0, "only the memory of cas while 16 artifacts of so many bytes are moved at once (of 1 GiB: 35 GB of disk)")
	floor := flag.Bool("floor", false, "only 4 KiB uploads, beside those through a bare hop: the least that a server between costs")
	asHop := flag.String("hop", "", "be the bare hop to the S3 that this file describes")
	readyFile := flag.String("ready-file", "", "where the bare hop says that it is ready")
	flag.Parse()
	do := func(w *world) error { return w.table(ctx, *only, jobs(*size, *clients)) }
	if *memory > 0 {
		do = func(w *world) error { return w.memory(ctx, min(max(*memory, 4*kib), gib), 16) }
	}
	if *floor {
		do = func(w *world) error { return w.floor(ctx) }
	}
	err := error(nil)
	if *asHop != "" {
		err = serveHop(ctx, *asHop, *readyFile)
	} else {
		err = run(ctx, *bin, do)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ratios:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, bin string, do func(*world) error) error {
	dir, err := os.MkdirTemp("", "managedcas-ratios-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w, err := start(ctx, bin, dir)
	if err != nil {
		return err
	}
	defer w.stop()
	return do(w)
}

func (w *world) table(ctx context.Context, only string, todo []job) error {
	fmt.Println(header)
	for _, j := range todo {
		for _, up := range []bool{true, false} {
			if only == "up" && !up || only == "down" && up {
				continue
			}
			row, err := w.measure(ctx, j, up)
			if err != nil {
				return fmt.Errorf("%s: %w", title(j, up), err)
			}
			fmt.Println(row)
		}
		if err := w.empty(ctx); err != nil {
			return err
		}
	}
	fmt.Printf("\nsha256 alone: %.2f CPU s per GiB; memory of cas: %d MiB when idle, %d MiB at most\n",
		sha256PerGiB(), w.idleKiB>>10, w.cas.peakKiB()>>10)
	return w.firstByte(ctx, 4*kib, 64*mib, gib)
}

const header = `| | direct SDK | HTTP | gRPC | presigned | hash and file | cas CPU s/GiB, HTTP | gRPC | presigned | everything, direct | HTTP | gRPC | p50, direct × HTTP, gRPC |
|---|---|---|---|---|---|---|---|---|---|---|---|---|`

func title(j job, up bool) string {
	direction := "down"
	if up {
		direction = "up"
	}
	return fmt.Sprintf("%s %s, %d at once", sizeName(j.size), direction, j.clients)
}

func sizeName(size int64) string {
	switch {
	case size < mib:
		return fmt.Sprintf("%d KiB", size/kib)
	case size < gib:
		return fmt.Sprintf("%d MiB", size/mib)
	}
	return fmt.Sprintf("%d GiB", size/gib)
}

// measure moves the artifacts of j by all paths in turns and compares the medians.
func (w *world) measure(ctx context.Context, j job, up bool) (string, error) {
	paths := w.paths()
	times, calls := make([][]time.Duration, len(paths)), make([][]time.Duration, len(paths))
	cas, all := make([]time.Duration, len(paths)), make([]time.Duration, len(paths))
	for round := range j.rounds + 1 { // the first is to warm up
		batches, err := w.batches(ctx, j, len(paths), up, round)
		if err != nil {
			return "", err
		}
		for i, p := range paths {
			before, everything := w.cas.cpu(), w.cpu()
			took, single, err := each(j.clients, batches[i], func(a artifact) error {
				if up {
					return p.put(ctx, a)
				}
				return p.get(ctx, a)
			})
			if err != nil {
				return "", fmt.Errorf("%s: %w", p.name(), err)
			}
			if round > 0 {
				times[i], calls[i] = append(times[i], took), append(calls[i], single...)
				cas[i] += w.cas.cpu() - before
				all[i] += w.cpu() - everything
			}
		}
	}
	middle, p50 := medians(times), medians(calls)
	perGiB := func(spent time.Duration) float64 {
		return spent.Seconds() * float64(gib) / float64(j.size*int64(j.count*j.rounds))
	}
	ratio := func(i int) float64 { return float64(middle[0]) / float64(middle[i]) }
	return fmt.Sprintf("| %s | %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %s × %.2f, %.2f |", title(j, up),
		(middle[0] / time.Duration(j.count)).Round(10*time.Microsecond), ratio(1), ratio(2), ratio(3), ratio(4),
		perGiB(cas[1]), perGiB(cas[2]), perGiB(cas[3]), perGiB(all[0]), perGiB(all[1]), perGiB(all[2]),
		p50[0].Round(10*time.Microsecond), float64(p50[1])/float64(p50[0]), float64(p50[2])/float64(p50[0])), nil
}

// medians returns the median of each path.
func medians(of [][]time.Duration) []time.Duration {
	middle := make([]time.Duration, len(of))
	for i := range of {
		slices.Sort(of[i])
		middle[i] = of[i][len(of[i])/2]
	}
	return middle
}
