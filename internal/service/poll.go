package service

import (
	"context"
	"fmt"
	"time"
)

// pollTimeout is how long a part may take to come up.
const pollTimeout = 30 * time.Second

// Poll calls ask until it succeeds, every 20 ms for at most 30 s.
func Poll(ctx context.Context, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("gave up after %s: %w", pollTimeout, err)
		case <-tick.C:
		}
	}
}
