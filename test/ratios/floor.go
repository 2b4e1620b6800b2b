package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// bare is one more hop and nothing else, which is the floor of what a server between client
// and S3 can cost: see hop.
type bare struct{ overHTTP }

func (bare) name() string { return "bare hop" }

// floor compares single calls: the direct client's, through the bare hop, and through cas.
func (w *world) floor(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := json.Marshal(w.at)
	if err != nil {
		return err
	}
	config := filepath.Join(w.dir, "hop.yaml")
	if err := os.WriteFile(config, text, 0o600); err != nil {
		return err
	}
	var ready struct{ HTTP string }
	hop, err := launch(ctx, &ready, filepath.Join(w.dir, "hop.json"), nil, self, "-hop", config)
	if err != nil {
		return err
	}
	defer hop.Kill()
	fmt.Println("| 4 KiB up | p50 | × direct | CPU of the hop or cas |\n|---|---|---|---|")
	const rounds, count = 100, 20 // short ones: what else the machine does meets all alike
	paths := []path{w.direct, bare{newOverHTTP(ready.HTTP, w.casToken)}, w.http}
	calls, spent := make([][]time.Duration, len(paths)), make([]time.Duration, len(paths))
	for round := range rounds + 1 { // the first is to warm up
		for i, p := range paths {
			all := make([]artifact, count)
			for k := range all {
				all[k] = newArtifact(4 * kib)
			}
			if err := w.fetchTokensOf(ctx, p, all, true); err != nil {
				return err
			}
			before := hop.cpu() + w.cas.cpu()
			_, single, err := each(1, all, func(a artifact) error { return p.put(ctx, a) })
			if err != nil {
				return fmt.Errorf("%s: %w", p.name(), err)
			}
			if round > 0 {
				calls[i] = append(calls[i], single...)
				spent[i] += hop.cpu() + w.cas.cpu() - before
			}
		}
	}
	p50 := medians(calls)
	for i, p := range paths {
		fmt.Printf("| %s | %s | %.2f | %s |\n", p.name(), p50[i].Round(10*time.Microsecond), float64(p50[i])/float64(p50[0]),
			(spent[i] / rounds / count).Round(10*time.Microsecond))
	}
	return nil
}
