package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// firstByteRounds is how often each is asked for; the median counts.
const firstByteRounds = 15

// firstByte measures how long a download takes to begin, by size.
func (w *world) firstByte(ctx context.Context, sizes ...int64) error {
	for _, p := range []path{w.direct, w.http, w.grpc} {
		line := "first byte, " + p.name() + ":"
		for _, size := range sizes {
			a := newArtifact(size)
			if err := w.fetchTokensOf(ctx, p, []artifact{a}, true); err != nil {
				return err
			}
			if err := p.put(ctx, a); err != nil {
				return fmt.Errorf("%s: %w", p.name(), err)
			}
			if err := w.fetchTokensOf(ctx, p, []artifact{a}, false); err != nil {
				return err
			}
			var times []time.Duration
			for range firstByteRounds {
				began := time.Now()
				if err := p.begin(ctx, a); err != nil {
					return fmt.Errorf("%s: %w", p.name(), err)
				}
				times = append(times, time.Since(began))
			}
			slices.Sort(times)
			line += fmt.Sprintf(" %s %.2f ms;", sizeName(size), times[len(times)/2].Seconds()*1000)
		}
		fmt.Println(line)
	}
	return nil
}
